-- A person's own row says whether the person has a row of standing, so that deleting that row makes nobody confirmed.
ALTER TABLE person ADD COLUMN standing_kept INTEGER; -- 1: the row exists; NULL: none was ever needed
