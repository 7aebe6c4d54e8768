package words_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/diagnosistext"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/words"
)

// TestTheValuesOfARefusalAreWrittenForThePage: times in the zone of the site, and figures in the language.
func TestTheValuesOfARefusalAreWrittenForThePage(t *testing.T) {
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("EAT", 3*60*60)
	at := time.Date(2026, 11, 24, 22, 30, 0, 0, time.UTC)
	replaced, high := refuse.MeterReplaced("04140001001", "04140001019", at), refuse.SwapBalanceTooHigh(1_638_300, "04140001001", 900)
	french, _ := all.Chosen("fr")
	arabic, _ := all.Chosen("ar")
	for want, got := range map[string]string{
		"on 2026-11-25 01:30 EAT.":         all.English().In(zone).Refusal(replaced).What,
		"on 2026-11-24 22:30 UTC.":         all.English().Refusal(replaced).What,
		"le 25/11/2026 01:30 EAT.":         french.In(zone).Refusal(replaced).What,
		"1\u202f638,3 kWh dépassent":       french.Refusal(high).What,
		"\u206625/11/2026 01:30 EAT\u2069": arabic.In(zone).Refusal(replaced).What,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

// TestARefusalSaysItsDiagnosisInTheLanguage: the doctor's sentences in a refusal to send a token.
func TestARefusalSaysItsDiagnosisInTheLanguage(t *testing.T) {
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	no := refuse.TokenCannotLoad(diagnosistext.Reversed("04140001001"))
	if no.What != "The token did not pass the check before sending. Its sale for meter 04140001001 was reversed." || no.Try != "Do not enter it. Sell again if the customer still wants the units." {
		t.Errorf("in English: %+v", no)
	}
	french, _ := all.Chosen("fr")
	if said := french.Refusal(no); said.What != "Le code n’a pas passé la vérification avant l’envoi. Sa vente pour le compteur 04140001001 a été annulée." ||
		said.Try != "Ne le saisissez pas. Vendez de nouveau si le client veut encore les unités." {
		t.Errorf("in French: %+v", said)
	}
}
