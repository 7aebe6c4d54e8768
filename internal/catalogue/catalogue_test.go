package catalogue

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// whole lists the areas that a language must have completely or not at all. The value of an area lists the sections that a
// language may leave out. In any other area, a missing text is shown in English.
var whole = map[string][]string{"sms": {"meter"}, "lcd": {"room"}, "language": {}}

// TestEveryLanguageHasEveryText: a translation has the texts of the English file, with the same places, and no other.
func TestEveryLanguageHasEveryText(t *testing.T) {
	for _, area := range []string{"language", "sms", "lcd", "pages", "receipts", "names", "refusals", "alarms", "diagnosis"} {
		codes, err := Languages(area)
		if err != nil || len(codes) == 0 || codes[0] != English || whole[area] != nil && len(codes) < 2 {
			t.Fatalf("%s has the languages %v: %v", area, codes, err)
		}
		english := file(t, English, area)
		if english.Draft {
			t.Errorf("%s: the English file is a draft", area)
		}
		for _, code := range codes[1:] {
			for _, wrong := range unlike(english, file(t, code, area), whole[area]) {
				t.Errorf("%s/%s: %s", code, area, wrong)
			}
		}
	}
}

// unlike lists the differences between a translation and the English file. If optional is nil, texts may be missing;
// otherwise only the sections in optional may be missing.
func unlike(english, f File, optional []string) (wrong []string) {
	for _, s := range english.Sections {
		have := f.Section(s.Name)
		if len(have.Texts) == 0 && slices.Contains(optional, s.Name) {
			continue
		}
		for _, text := range s.Texts {
			said, is := have.Text(text.Name)
			a, b := text.Places(), said.Places()
			slices.Sort(a)
			slices.Sort(b)
			switch {
			case is && said.Counts() && !text.Counts(), is && !formed(said, a):
				wrong = append(wrong, fmt.Sprintf("%s.%s has a form that the English text does not have, or a form with other places", s.Name, text.Name))
			case !is && optional == nil:
			case !is, (said.Say == "") != (text.Say == ""), (len(said.Words) == 0) != (len(text.Words) == 0), !slices.Equal(a, b):
				wrong = append(wrong, fmt.Sprintf("%s.%s is %q, and %q in English", s.Name, text.Name, said.Say, text.Say))
			}
		}
	}
	for _, s := range f.Sections {
		for _, text := range s.Texts {
			if _, is := english.Section(s.Name).Text(text.Name); !is {
				wrong = append(wrong, fmt.Sprintf("the English file has no %s.%s", s.Name, text.Name))
			}
		}
	}
	return wrong
}

// formed reports whether each form of a text for some numbers has the places of the English text, which are sorted. A form may leave out the
// number: "one meter".
func formed(t Text, english []string) bool {
	for _, say := range []string{t.Zero, t.One, t.Two, t.Few, t.Many} {
		has, _ := places(say)
		if say == "" {
			continue
		}
		for _, p := range english {
			if p != "n" && !slices.Contains(has, p) {
				return false
			}
		}
		if slices.ContainsFunc(has, func(p string) bool { return !slices.Contains(english, p) }) {
			return false
		}
	}
	return true
}

// TestATranslationIsHeldAgainstTheEnglishFile tests a mistake of each kind.
func TestATranslationIsHeldAgainstTheEnglishFile(t *testing.T) {
	read := func(text string) File {
		f, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	counted := read("[a]\nx = {one = \"{n} meter of {m}\", other = \"{n} meters of {m}\"}\n")
	for text, want := range map[string]int{
		"[a]\nx = {zero = \"لا عدّاد {m}\", one = \"عدّاد {m}\", two = \"عدّادا {m}\", few = \"{n} عدّادات {m}\", other = \"{n} عدّاد {m}\"}\n": 0,
		"[a]\nx = {one = \"mita\", other = \"mita {n} za {m}\"}\n":         1,
		"[a]\nx = {one = \"mita {k} {m}\", other = \"mita {n} za {m}\"}\n": 1,
	} {
		if got := unlike(counted, read(text), nil); len(got) != want {
			t.Errorf("%q: %q, want %d mistakes", text, got, want)
		}
	}
	english := read("[a]\nx = \"{n} of {m}\"\ny = \"Yes\"\n[b]\nz = \"No\"\n")
	for text, c := range map[string]struct {
		optional []string
		want     int
	}{
		"[a]\nx = \"{m} wa {n}\"\ny = \"Ndiyo\"\n[b]\nz = \"Hapana\"\n": {nil, 0},
		"[a]\nx = \"{n}\"\n":                              {nil, 1},
		"[a]\ny = \"Ndiyo\"\n":                            {nil, 0},
		"[a]\nx = \"{m} wa {n}\"\n":                       {[]string{"b"}, 1},
		"[a]\nx = \"{m} wa {n}\"\ny = \"N\"\n":            {[]string{"b"}, 0},
		"[a]\nx = \"{m} wa {n}\"\ny = \"N\"\nw = \"W\"\n": {[]string{"b"}, 1},
	} {
		if got := unlike(english, read(text), c.optional); len(got) != c.want {
			t.Errorf("%q: %q, want %d mistakes", text, got, c.want)
		}
	}
}

// line is how many characters a line of a meter's display has.
const line = 16

// TestTheDisplayHasTheRoomAndTheCharacters: every text fits its room on the display and has only characters that the display
// can show. Such displays show ASCII, but have other signs in place of the backslash and the tilde.
func TestTheDisplayHasTheRoomAndTheCharacters(t *testing.T) {
	codes, err := Languages("lcd")
	if err != nil {
		t.Fatal(err)
	}
	rooms := file(t, English, "lcd").Section("room")
	for _, r := range rooms.Texts {
		if _, is := file(t, English, "lcd").Section("display").Text(r.Name); !is || r.Size <= 0 || r.Size > line {
			t.Errorf("room for %s is %d, in no text or on no line", r.Name, r.Size)
		}
	}
	for _, code := range codes {
		for _, text := range file(t, code, "lcd").Section("display").Texts {
			room := line
			if r, is := rooms.Text(text.Name); is {
				room = r.Size
			}
			if strings.ContainsFunc(text.Say, func(r rune) bool { return r < ' ' || r > '}' || r == '\\' }) {
				t.Errorf("%s %s: the display has no such character: %q", code, text.Name, text.Say)
			}
			if len(text.Say) > room {
				t.Errorf("%s %s: %q has %d characters, room for %d", code, text.Name, text.Say, len(text.Say), room)
			}
		}
	}
}

// gsm is the basic table of the GSM alphabet, as far as our languages use it: one septet for each character.
const gsm = " !\"#$%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + "éèàùÉçñ"

// TestAMeterWritesOneMessage puts the longest possible figures into every message of a meter. The result must fit into
// one text message. Messages of the server are tried in internal/notify, with the longest names.
func TestAMeterWritesOneMessage(t *testing.T) {
	codes, err := Languages("sms")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range codes {
		for _, text := range file(t, code, "sms").Section("meter").Texts {
			said := text.Say
			for _, p := range text.Places() {
				said = strings.ReplaceAll(said, "{"+p+"}", "-1000000.0")
			}
			if n := len([]rune(said)); n > 160 || strings.Trim(said, gsm) != "" {
				t.Errorf("%s %s takes %d septets and has %q, which the GSM alphabet has not: %q", code, text.Name, n, strings.Trim(said, gsm), said)
			}
		}
	}
}

func TestAFileIsReadInItsOrder(t *testing.T) {
	f, err := parse("draft = true\n[b]\nz = \"Z {meter} of {amount}, {meter}\"\na = [\"x\", \"y\"]\n[a]\nn = 7\n")
	if err != nil || !f.Draft || len(f.Sections) != 2 || f.Sections[0].Name != "b" || f.Sections[0].Texts[0].Name != "z" || f.Sections[0].Texts[1].Words[1] != "y" || f.Sections[1].Texts[0].Size != 7 {
		t.Errorf("read %+v, %v", f, err)
	}
	if got := f.Sections[0].Texts[0].Places(); !slices.Equal(got, []string{"meter", "amount"}) {
		t.Errorf("places %v", got)
	}
	for _, wrong := range []string{"x = 1", "draft = 1", "[a]\nx = \" blank\"", "[a]\nx = \"\"", "[a]\nx = \"{Meter}\"", "[a]\nx = 1.5", "[a]\nx = [1]", "[a.b]\nx = \"x\"", "[a"} {
		if f, err := parse(wrong); err == nil {
			t.Errorf("%q was read as %+v", wrong, f)
		}
	}
}

// TestSharedTexts: a text takes the wording and the forms of the shared text that it names, and every shared text is named by another.
func TestSharedTexts(t *testing.T) {
	f, err := parse("[shared]\nfit = {one = \"One fits.\", other = \"{n} fit.\"}\n[a]\ntext = \"@fit\"\n")
	if err != nil || f.Sections[1].Texts[0].Name != "text" || f.Sections[1].Texts[0].One != "One fits." || f.Sections[1].Texts[0].Say != "{n} fit." {
		t.Errorf("read %+v, %v", f, err)
	}
	for _, area := range []string{"refusals", "diagnosis"} {
		data, err := os.ReadFile("texts/en/" + area + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		for _, shared := range file(t, English, area).Section("shared").Texts {
			if !strings.Contains(string(data), `"@`+shared.Name+`"`) {
				t.Errorf("%s: no text names the shared text %s", area, shared.Name)
			}
		}
	}
}

func file(t *testing.T, language, area string) File {
	t.Helper()
	f, err := Read(language, area)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
