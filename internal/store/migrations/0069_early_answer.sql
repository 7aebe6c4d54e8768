-- Answers that came before the question which they answer was stored. A row goes when the question is stored, or when its time is over.
CREATE TABLE early_answer (
  tenant_id INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind = 'call' OR kind = 'report'),
  source TEXT NOT NULL,              -- name of the payment provider, or of the route for messages
  name TEXT NOT NULL,                -- of the question, as the source gives it
  hash BLOB NOT NULL,                -- of the content: an answer that is brought again waits once; one with several names has a row for each
  content BLOB NOT NULL,             -- of a provider's call its id; of a delivery report its JSON
  about BLOB,                        -- the payment that the call told of; NULL for none
  came_at INTEGER NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, kind, source, name, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX early_answer_until ON early_answer (tenant_id, kind, until);
CREATE INDEX early_answer_about ON early_answer (tenant_id, about) WHERE about IS NOT NULL;
-- The sources of answers. Who stores an answer or a question of a source locks its row, so that neither misses the other.
CREATE TABLE early_source (
  tenant_id INTEGER NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL,
  PRIMARY KEY (tenant_id, kind, source)
) STRICT, WITHOUT ROWID;
