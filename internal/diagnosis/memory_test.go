package diagnosis_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// memory is a store and a key store that say what a test puts into them: two meters by their numbers, and every identity as a meter without
// keys. The tests that ask how these facts come about use a real store, see clinic.
type memory struct {
	diagnosis.Tx
	now     time.Time
	keys    []registry.Key // of the meter with the number
	sold    *sale.Token    // the token with the digits typed, under the first key
	reports []metering.StoredToken

	use       diagnosis.KeyUse
	explained sts.Explanation
	opened    []sts.Opened // the token under the keys that the meter is not registered with
}

// typed are digits that could be a token of any meter.
const typed = "23716100501183194197"

func (m *memory) Do(_ context.Context, _ access.Tenant, fn func(diagnosis.Tx) (bool, error)) error {
	_, err := fn(m)
	return err
}

func (m *memory) View(_ context.Context, _ access.Tenant, fn func(diagnosis.Tx) error) error {
	return fn(m)
}

func (m *memory) AuditLog(access.Entry) error { return nil }

func (m *memory) Meters() registry.MeterLookup { return m }

func (m *memory) MeterByNumber(text string) (registry.Meter, bool, error) {
	n := slices.Index([]string{number, another}, text)
	return registry.Meter{N: int64(n) + 1, Number: text}, n >= 0, nil
}

func (m *memory) MeterByID(i id.ID) (registry.Meter, bool, error) {
	return registry.Meter{N: 3, Number: i.Text(id.Meter)}, true, nil
}

func (m *memory) MeterByN(int64) (registry.Meter, bool, error) { return m.MeterByNumber(number) }

func (m *memory) MeterKeys(meter int64, _ int) ([]registry.Key, error) {
	if meter != 1 {
		return nil, nil
	}
	return slices.Clone(m.keys), nil
}

func (m *memory) TokenByHash(hash []byte) (sale.Token, id.ID, bool, error) {
	if m.sold == nil || !bytes.Equal(hash, []byte(typed)) {
		return sale.Token{}, id.ID{}, false, nil
	}
	return *m.sold, m.keys[0].ID, true, nil
}

func (m *memory) TokenReports(int64, metering.Span, metering.After, int) ([]metering.StoredToken, error) {
	return m.reports, nil
}

func (m *memory) Families() ([]diagnosis.Family, error) { return nil, nil }

func (m *memory) Explain(string, []sts.Attributes, func(int, sts.Opened) bool) (sts.Explanation, diagnosis.KeyUse, error) {
	return m.explained, m.use, nil
}

func (m *memory) Open(sts.Token, []sts.Attributes) ([]sts.Opened, diagnosis.KeyUse, error) {
	return m.opened, m.use, nil
}

// digitsThemselves is a Hasher whose hash of digits are the digits.
type digitsThemselves struct{}

func (digitsThemselves) Hash(_ string, digits []byte) []byte { return bytes.Clone(digits) }

// doctor is a doctor of this store and this key store, by the time of the test.
func (m *memory) doctor() *diagnosis.Doctor {
	return diagnosis.New(diagnosis.Config{Door: m, Keys: m, Hasher: digitsThemselves{}, Now: func() time.Time { return m.now }})
}

// ask asks a doctor and expects an answer or a refusal.
func ask(t *testing.T, d *diagnosis.Doctor, by access.Actor, digits, meter string) diagnosis.Diagnosis {
	t.Helper()
	out, err := d.Diagnose(t.Context(), by, diagnosis.Question{Digits: digits, Meter: meter})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
