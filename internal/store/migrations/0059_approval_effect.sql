-- What an action would have done when it was requested, as JSON, so that the approver sees which figures have changed. Empty: not known.
ALTER TABLE approval ADD COLUMN effect TEXT NOT NULL DEFAULT '';
