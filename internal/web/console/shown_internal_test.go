package console

import (
	"testing"
	"time"
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
