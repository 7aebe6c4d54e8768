package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// filler gives every field of a value a different value.
type filler struct{ n int64 }

func (f *filler) fill(v reflect.Value, depth int) {
	f.n++
	if !v.CanSet() || depth > 8 || v.Type() == reflect.TypeFor[*tariff.TOU]() { // other tests cover the documents of these types
		return
	}
	switch to := v.Addr().Interface().(type) {
	case *time.Time:
		*to = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC).Add(time.Duration(f.n) * time.Second)
		return
	case *json.RawMessage:
		*to = json.RawMessage(fmt.Sprint(f.n))
		return
	case *[]byte:
		*to = []byte(fmt.Sprint(f.n))
		return
	case *map[string]any:
		*to = map[string]any{"n": f.n}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(f.n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.n))
	case reflect.Float64:
		v.SetFloat(float64(f.n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0), depth+1)
		f.fill(v.Index(1), depth+1)
	case reflect.Array:
		f.fill(v.Index(v.Len()-1), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i), depth+1)
		}
	}
}

// bodies shows a value of one type, once with every field filled and once with none.
func bodies[D, B any](out map[string][2]json.RawMessage, name string, show func(D) B) {
	var full, zero D
	(&filler{}).fill(reflect.ValueOf(&full).Elem(), 0)
	var both [2]json.RawMessage
	for i, d := range []D{full, zero} {
		b, err := json.Marshal(show(d))
		if err != nil {
			b, _ = json.Marshal(err.Error())
		}
		both[i] = b
	}
	out[name] = both
}

// firstBodies are the bodies of tills and of an account.
func firstBodies(got map[string][2]json.RawMessage) {
	bodies(got, "shift", func(s till.Shift) apiv1.Shift { return shiftOf(s, "KES") })
	bodies(got, "shift report", shiftReportOf)
	bodies(got, "account", accountOf)
	bodies(got, "meter config", meterConfigOf)
}

// TestEveryFieldOfABodyIsOfItsField compares the bodies of filled and of empty values with testdata/bodies.json: no field is
// missing, swapped with another, or in the wrong unit.
func TestEveryFieldOfABodyIsOfItsField(t *testing.T) {
	got := map[string][2]json.RawMessage{}
	a := &API{say: wordstest.English(t)}
	firstBodies(got)
	bodies(got, "account balance", balanceOf)
	bodies(got, "account entry", entryOf)
	bodies(got, "added meter", addedOf)
	bodies(got, "alarm", alarmOf)
	bodies(got, "approval", approvalOf)
	bodies(got, "charge", func(d debt.Due) apiv1.Charge { return chargeOf(d, "KES") })
	bodies(got, "command", func(c command.Command) apiv1.Command { return commandOf(c) })
	bodies(got, "customer", customerOf)
	bodies(got, "day", func(d report.Day) apiv1.DailyReport { return dayOf(d) })
	bodies(got, "debt", func(d debt.Debt) apiv1.Debt { return debtOf(d, "KES") })
	bodies(got, "decided", func(d quarantine.Decided) apiv1.QuarantineResult { return decidedOf(d) })
	bodies(got, "deduction", func(d tariff.Deduction) apiv1.Deduction { return deductionOf(d) })
	bodies(got, "deposit", func(d vendor.Deposited) apiv1.Deposit { return depositOf(d) })
	bodies(got, "device", func(d profile.Device) apiv1.Device { return deviceOf(d) })
	bodies(got, "diagnosis", func(d diagnosis.Diagnosis) apiv1.Diagnosis { return diagnosisOf(d) })
	bodies(got, "event", func(e metering.StoredEvent) apiv1.Event { return eventOf(e) })
	bodies(got, "explanation", func(e vending.Explained) apiv1.Explanation { return explainOf(a.say, e) })
	bodies(got, "float", func(r ledger.Headroom) apiv1.Float { return floatOf(r, "KES") })
	bodies(got, "happening", eventLineOf)
	bodies(got, "journal", func(j ledger.Journal) apiv1.Journal { return journalOf(j, "KES") })
	bodies(got, "key change", func(k registry.Key) apiv1.KeyChange { return keyChangeOf(sale.MeterRef{Number: "04140001001"}, k) })
	bodies(got, "lines", linesOf)
	bodies(got, "message", func(m notify.Message) apiv1.Message { return messageOf(m) })
	bodies(got, "message shown", messageShownOf)
	bodies(got, "meter", meterOf)
	bodies(got, "meter change", meterChangeOf)
	bodies(got, "moved out", movedOutOf)
	bodies(got, "new meter", newMeterOf)
	bodies(got, "quarantined", heldOf)
	bodies(got, "reading", readingOf)
	bodies(got, "recharge", func(r recharge.Tracked) apiv1.Recharge { return rechargeOf(r) })
	bodies(got, "register", registerOf)
	bodies(got, "reversal", reversalOf)
	bodies(got, "routes", routesOf)
	bodies(got, "sale", func(s sale.Sale) apiv1.Sale { return saleOf(s, vending.Digits{}) })
	bodies(got, "settings", settingsOf)
	bodies(got, "simulation", func(s registry.Simulated) apiv1.SimulationResult {
		return simulationOf(a.say, s, tariff.Body{Currency: "KES"})
	})
	bodies(got, "split", splitOf)
	bodies(got, "supply", supplyOf)
	bodies(got, "switched", switchedOf)
	bodies(got, "tariff", a.tariffOf)
	bodies(got, "tokens", func(j sale.Job) apiv1.Tokens { return tokensOf(j, vending.Digits{}) })
	bodies(got, "trial balance", trialBalanceOf)
	bodies(got, "vendor", vendorOf)
	bodies(got, "vendor entry", bookedOf)
	bodies(got, "wallet estimate", func(w registry.WalletView) *apiv1.WalletEstimate { return walletLiveOf(w) })
	text, err := json.MarshalIndent(got, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "bodies.json")
	if flag.Lookup("update").Value.String() == "true" { // the flag of the specification's test
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(want), text) {
		t.Errorf("bodies differ from %s; write them anew with -update and read the difference", path)
	}
}
