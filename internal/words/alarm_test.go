package words_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// TestStoredAlarmsAreWrittenInEveryLanguage fills in each English alarm, as it is stored, and reads it in the other languages.
func TestStoredAlarmsAreWrittenInEveryLanguage(t *testing.T) {
	english, err := catalogue.Read(catalogue.English, "alarms")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range wordstest.Languages(t).All()[1:] {
		own, err := catalogue.Read(in.Code(), "alarms")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range english.Sections {
			for _, a := range s.Texts {
				stored, want := a.Say, said(t, own, s.Name, a.Name)
				for i, p := range a.Places() {
					value := "x" + strings.Repeat("7", i+1)
					stored, want = strings.ReplaceAll(stored, "{"+p+"}", value), strings.ReplaceAll(want, "{"+p+"}", value)
				}
				if got := bare(in.Alarm(stored)); got != want {
					t.Errorf("%s: %q is %q, want %q", in.Code(), stored, got, want)
				}
			}
		}
	}
}

func said(t *testing.T, f catalogue.File, section, name string) string {
	t.Helper()
	out, found := f.Section(section).Text(name)
	if !found {
		t.Fatalf("no text %s.%s", section, name)
	}
	return out.Say
}

// bare removes the marks of direction.
func bare(text string) string {
	return strings.NewReplacer("\u2066", "", "\u2068", "", "\u2069", "").Replace(text)
}

func TestAnAlarmInAnother(t *testing.T) {
	all := wordstest.Languages(t)
	french := func() *words.Texts { out, _ := all.Chosen("fr"); return out }()
	held := alarmtext.RatingHeld(alarmtext.Held(1200, 7, 900, alarmtext.Doubt("jump")))
	for stored, want := range map[string]string{
		held: "L’index donne 1200 Wh dans l’enregistrement 7, après 900 Wh au dernier relevé accepté : l’index a monté plus que le compteur ne peut mesurer dans ce temps. " +
			"La facturation s’arrête jusqu’à ce qu’une personne décide.",
		alarmtext.Tamper(alarmtext.Switch("503")):                             "Un contact de fraude du compteur s’est déclenché : aimant.",
		alarmtext.Unconfirmed(2, money.Amount{Minor: 30000, Currency: "KES"}): "2 ventes de 300.00 KES à ce compteur ont été annulées. L’argent a été rendu, mais le compteur n’a pas confirmé qu’il ne chargera jamais les codes.",
		alarmtext.FeederSilent(3, 4, "magnet", "2026-11-20T08:00:00Z"):        "3 des 4 compteurs du départ magnet se taisent ensemble. Le dernier message de l’un d’eux est arrivé à 2026-11-20T08:00:00Z. Vérifiez le départ ou son réseau avant de vérifier chaque compteur. Aucun n’est coupé avant d’avoir été entendu de nouveau.",
		"A text of an older version.":                                         "A text of an older version.",
	} {
		if got := french.Alarm(stored); got != want {
			t.Errorf("%q is %q, want %q", stored, got, want)
		}
		if got := all.English().Alarm(stored); got != stored {
			t.Errorf("in English %q is %q", stored, got)
		}
	}
}
