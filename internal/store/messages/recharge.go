package messages

import (
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
)

// MessagesOfToken lists the messages that carry a token to its meter's SIM, newest first.
func (tx Rows) MessagesOfToken(meter int64, token id.ID, max int) ([]notify.Message, error) {
	return tx.messages("list messages of a token", ` WHERE m.tenant_id = $1 AND m.meter = $2 AND m.token_id = $3 AND m.purpose = $4 ORDER BY m.id DESC LIMIT $5`,
		tx.Tenant, meter, token, string(notify.PurposeMeter), max)
}

// MessagesAnswering lists the arrivals that answer a message, newest first.
func (tx Rows) MessagesAnswering(meter int64, message id.ID, max int) ([]notify.Message, error) {
	return tx.messages("list the answers to a message", ` WHERE m.tenant_id = $1 AND m.meter = $2 AND m.answers = $3 AND m.direction = 'in' ORDER BY m.id DESC LIMIT $4`,
		tx.Tenant, meter, message, max)
}
