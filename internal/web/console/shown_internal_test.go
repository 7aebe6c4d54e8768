package console

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
)

// TestStoredSentencesAreShownInTheSitesWords: times, energy and amounts in a stored sentence look as they do everywhere on the pages.
func TestStoredSentencesAreShownInTheSitesWords(t *testing.T) {
	at := site{say: english(), currency: "KES", zone: time.FixedZone("EAT", 3*60*60)}
	for stored, want := range map[string]string{
		"The meter has sent no message since 2026-11-25T22:30:00Z.":                   "The meter has sent no message since 2026-11-26 01:30 EAT.",
		"It was sold at 2026-11-25 08:30 UTC.":                                        "It was sold at 2026-11-25 11:30 EAT.",
		"The register shows 53700900 Wh in record 5, after 900 Wh.":                   "The register shows 53,700.900 kWh in record 5, after 0.900 kWh.",
		"A sale for 1234.00 KES to this meter was reversed.":                          "A sale for KES 1,234.00 to this meter was reversed.",
		"Record 5 of 12 kWh for 3.00 USD is dated 2026-13-45T00:00:00Z. Nothing else": "Record 5 of 12 kWh for 3.00 USD is dated 2026-13-45T00:00:00Z. Nothing else",
	} {
		if got := at.shown(stored); got != want {
			t.Errorf("%q is shown as %q, want %q", stored, got, want)
		}
	}
	for stored, want := range map[string]string{"person amina@example.org": "amina@example.org", "apikey key_01j": "API key key_01j", "apikey till 3": "API key till 3",
		"system wallets": "The server (wallets)", "device 0414": "device 0414"} {
		if got := at.actor(stored); got != want {
			t.Errorf("%q is shown as %q, want %q", stored, got, want)
		}
	}
}

// TestDetailsOfTheAuditLogAreWords: fields have names, and their figures the units of people. A detail without fields is shown as it is.
func TestDetailsOfTheAuditLogAreWords(t *testing.T) {
	at := site{say: english(), currency: "KES"}
	for stored, want := range map[string]string{
		"till=main opening=50000": "Till: main, Cash at the beginning: KES 500.00",
		`code=S1 name="Corner shop" billing=float commission_bps=150 credit_minor=0 blocked=false`: "Code: S1, Name: Corner shop, How the vendor pays: in advance, from a float, Commission: 1.5 %, Credit limit: KES 0.00, Blocked: no",
		"register_wh=4000 odd_key=7 empty= mode=prepay_token":                                      "Register: 4.000 kWh, odd key: 7, How it is paid: Prepaid with tokens",
		`name="not closed`:               `name="not closed`,
		"vendor.terms: change the terms": "vendor.terms: change the terms",
		"":                               "",
	} {
		if got := at.fields(stored); got != want {
			t.Errorf("%q is shown as %q, want %q", stored, got, want)
		}
	}
}

// TestValuesOfAnEffectAreWords: prices, times, energy and names are written as a person reads them.
func TestValuesOfAnEffectAreWords(t *testing.T) {
	at := site{say: english(), currency: "KES", zone: time.FixedZone("EAT", 3*60*60)}
	for want, v := range map[string]access.Value{
		"KES 20.00 for each kWh":    access.Costs(20_000_000, "KES"),
		"KES 1,234.50":              access.Pays(money.Amount{Minor: 123_450, Currency: "KES"}),
		"2.5 kWh":                   access.Counts(access.UnitEnergy, 2500),
		"15 %":                      access.Counts(access.UnitShare, 1500),
		"100 W":                     access.Counts(access.UnitPower, 100),
		"17 days, 2 hours":          access.Counts(access.UnitDuration, 17*24*3600+2*3600+59),
		"1 day":                     access.Counts(access.UnitDuration, 24*3600+5*60),
		"0 seconds":                 access.Counts(access.UnitDuration, 0),
		"2026-11-25 11:30 EAT":      access.Moments(time.Date(2026, 11, 25, 8, 30, 0, 0, time.UTC)),
		"yes":                       access.Answers(true),
		"Rejected":                  access.Named("payment-state", "rejected"),
		"Each sale":                 access.Named("webhook-event", "vend.completed"),
		"API key front desk":        access.Says("API key front desk"),
		"made 2026-11-25 11:30 EAT": access.Says("made 2026-11-25T08:30:00Z"),
	} {
		if got := at.value(v); got != want {
			t.Errorf("%+v is shown as %q, want %q", v, got, want)
		}
	}
	for name, want := range map[string]string{"meter": "Meter", "flat_micro": "Price of energy", "blocks[2].rate_micro": "Block 2: Price", "four-eyes": "Second person for sensitive actions",
		"ceilings.person/free_units": "Most without a second person: free units of a person in a day", "ec_limit_wh": "Emergency credit (kWh)", "vat_no": "Tax number",
		"wallet.warn1_minor": "Wallets: First warning at"} {
		if got := at.label(name); got != want {
			t.Errorf("%s is called %q, want %q", name, got, want)
		}
	}
}

// TestEveryCeilingHasAName in the catalogue.
func TestEveryCeilingHasAName(t *testing.T) {
	at := site{say: english()}
	for _, c := range access.Ceilings() {
		if got := at.label("ceilings." + string(c)); got == at.say.Name("fact", "ceilings")+": "+strings.ReplaceAll(strings.ReplaceAll(string(c), "/", "-"), "_", " ") {
			t.Errorf("ceiling %s has no name: %q", c, got)
		}
	}
}
