// Package filed is a payment provider that neither calls nor answers: a bank, or a till of a mobile operator. Its payments come from the
// statement files that people upload.
package filed

import (
	"bytes"
	"context"
	"errors"

	"github.com/paywatt/paywatt/internal/payment"
)

// Kind is the name of this kind of provider.
const Kind = "statement"

// adapter implements [payment.Adapter].
type adapter struct{}

// Open makes the adapter of a provider. It has no configuration and no secrets.
func Open(s payment.Setup) (payment.Adapter, error) {
	for _, part := range [][]byte{s.Config, s.Secrets} {
		if text := string(bytes.TrimSpace(part)); text != "" && text != "{}" {
			return nil, errors.New("a provider of the kind statement has no config and no secrets")
		}
	}
	return adapter{}, nil
}

// errSilent refuses every call.
var errSilent = errors.New("a provider of the kind statement does not call")

func (adapter) Prove(payment.Incoming) error                    { return errSilent }
func (adapter) Read(payment.Incoming) ([]payment.Notice, error) { return nil, errSilent }
func (adapter) Reply(payment.Incoming) payment.Reply            { return payment.Reply{} }
func (adapter) Rules() payment.Rules                            { return payment.Rules{Names: payment.ExactName} }
func (adapter) Asks() bool                                      { return false }
func (adapter) Ask(context.Context, payment.Payment) (payment.Answer, error) {
	return payment.Answer{}, errSilent
}
