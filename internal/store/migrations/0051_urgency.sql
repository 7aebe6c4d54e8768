-- Which message goes first: 0 tokens and answers, 1 money, 2 states of balance and supply, 3 the rest. Tokens of one set leave in their order.
-- Of the messages that an earlier version queued, the tokens for one telephone are one set.
ALTER TABLE message ADD COLUMN urgency INTEGER NOT NULL DEFAULT 3;
ALTER TABLE message ADD COLUMN token_set TEXT NOT NULL DEFAULT '';
UPDATE message SET urgency = CASE WHEN purpose = 'meter-sms' OR token_id IS NOT NULL OR answers IS NOT NULL THEN 0
    WHEN purpose = 'recharge' OR purpose = 'reversal' OR purpose = 'reversal-money' OR purpose = 'payment-back' THEN 1
    WHEN purpose = 'phone-changed' OR purpose = 'sim-changed' THEN 1
    WHEN purpose = 'low-1' OR purpose = 'low-2' OR purpose = 'cut-announced' OR purpose = 'cut-off' OR purpose = 'restored' THEN 2
    ELSE 3 END
  WHERE open = 1 AND direction = 'out';
UPDATE message SET token_set = line WHERE open = 1 AND direction = 'out' AND token_id IS NOT NULL AND purpose <> 'meter-sms';
CREATE INDEX message_urgency ON message (tenant_id, route, urgency, next_at) WHERE open = 1;
