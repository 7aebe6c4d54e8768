-- The credit in a keypad meter when an account was opened and when it was closed, in Wh: -1 if nobody could read the display; NULL if nobody asked.
ALTER TABLE account ADD COLUMN credit_in_wh INTEGER;
ALTER TABLE account ADD COLUMN credit_out_wh INTEGER;
