// Package catalogue reads the texts that customers, clerks and operators see. Each language has a folder under texts, and in
// it a file for each area: sms.toml (telephones), lcd.toml (the meter's display) and so on. To correct or translate a text,
// edit its file and run
//
//	go generate ./internal/catalogue
//
// which writes the Go tables of the packages that use the texts.
//
// A file has sections, and a section has texts by name. The names mean the same in every language, and code relies on them. A text
// may have places for figures and names, in braces: "Meter {meter} was not found." A translation has the same places, in any order.
// "@no-token" stands for the text of that name in the section "shared". A text that depends on a number has forms for it: {one = "{n}
// meter", other = "{n} meters"}; the names are those of Unicode's plural rules. A file with "draft = true" was never read by somebody
// who speaks the language well.
//
// The English files are complete. Start at [Read].
package catalogue

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

//go:generate go run ../../tools/catalogue

// texts has the files of all languages and areas.
//
//go:embed texts/*/*.toml
var texts embed.FS

// English is the code of the language whose files are complete.
const English = "en"

// File is an area of texts in one language.
type File struct {
	Draft    bool
	Sections []Section
}

// Section is a group of texts, in the order of the file.
type Section struct {
	Name  string
	Texts []Text
}

// Text is one entry of a section: a text in Say, a list in Words, or a number in Size. The number is the most characters that
// the text with the same name in another section may have. Zero, One, Two, Few and Many are forms of a text for some numbers, if
// the language has them; Say is then the form for all others.
type Text struct {
	Name           string
	Say            string
	Zero, One, Two string
	Few, Many      string
	Words          []string
	Size           int
}

// Languages lists the languages that have a file of an area, English first.
func Languages(area string) ([]string, error) {
	paths, err := fs.Glob(texts, "texts/*/"+area+".toml")
	if err != nil {
		return nil, fmt.Errorf("list languages: %w", err)
	}
	var out []string
	for _, p := range paths {
		out = append(out, strings.Split(p, "/")[1])
	}
	slices.SortFunc(out, func(a, b string) int {
		if (a == English) != (b == English) {
			return map[bool]int{true: -1, false: 1}[a == English]
		}
		return strings.Compare(a, b)
	})
	return out, nil
}

// Read returns an area's texts in a language.
func Read(language, area string) (File, error) {
	path := "texts/" + language + "/" + area + ".toml"
	data, err := texts.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("read texts: %w", err)
	}
	f, err := parse(string(data))
	if err != nil {
		return File{}, fmt.Errorf("read %s: %w", path, err)
	}
	return f, nil
}

// Section returns the section of a name; empty if the file has none.
func (f File) Section(name string) Section {
	for _, s := range f.Sections {
		if s.Name == name {
			return s
		}
	}
	return Section{Name: name}
}

// Text returns the text of a name, and whether there is one.
func (s Section) Text(name string) (Text, bool) {
	for _, t := range s.Texts {
		if t.Name == name {
			return t, true
		}
	}
	return Text{}, false
}

// Places lists the places of a text in their order, each once: "meter", "amount".
func (t Text) Places() []string {
	out, _ := places(t.Say)
	return out
}

// places lists the places of a text, and reports whether every brace belongs to a place.
func places(say string) (out []string, sound bool) {
	for {
		before, rest, is := strings.Cut(say, "{")
		if !is {
			return out, !strings.Contains(before, "}")
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" || strings.Contains(before, "}") {
			return out, false
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
		say = after
	}
}

// parse reads a file. The order of sections and texts is that of the file.
func parse(data string) (File, error) {
	var tree map[string]any
	meta, err := toml.Decode(data, &tree)
	if err != nil {
		return File{}, err
	}
	var f File
	var wrong error
	for _, key := range meta.Keys() {
		switch {
		case len(key) == 1 && key[0] == "draft":
			is, ok := tree["draft"].(bool)
			if f.Draft = is; !ok {
				wrong = errors.Join(wrong, errors.New("draft is neither true nor false"))
			}
		case len(key) == 1 && meta.Type(key...) == "Hash":
			f.Sections = append(f.Sections, Section{Name: key[0]})
		case len(key) == 2 && len(f.Sections) > 0:
			t, err := textOf(key[1], tree[key[0]].(map[string]any)[key[1]])
			wrong = errors.Join(wrong, err)
			s := &f.Sections[len(f.Sections)-1]
			s.Texts = append(s.Texts, t)
		case len(key) == 3 && meta.Type(key[:2]...) == "Hash": // a form of a text, which was read with it
		default:
			wrong = errors.Join(wrong, fmt.Errorf("%s is not a text in a section", key))
		}
	}
	return f, errors.Join(wrong, f.share())
}

// share replaces each reference such as "@no-token" with the text of that name from the section "shared".
func (f File) share() (wrong error) {
	shared := f.Section("shared")
	for _, s := range f.Sections {
		for i, t := range s.Texts {
			name, is := strings.CutPrefix(t.Say, "@")
			if !is {
				continue
			}
			said, found := shared.Text(name)
			if !found {
				wrong = errors.Join(wrong, fmt.Errorf("%s.%s: there is no shared text %q", s.Name, t.Name, name))
			}
			said.Name = t.Name
			s.Texts[i] = said
		}
	}
	return wrong
}

func textOf(name string, value any) (Text, error) {
	t := Text{Name: name}
	switch v := value.(type) {
	case string:
		t.Say = v
		return t, sound(name, v)
	case map[string]any:
		return t, t.forms(v)
	case int64:
		t.Size = int(v)
	case []any:
		for _, word := range v {
			w, ok := word.(string)
			if !ok {
				return t, fmt.Errorf("%s has a word that is no text", name)
			}
			t.Words = append(t.Words, w)
		}
	default:
		return t, fmt.Errorf("%s is neither a text, a number nor a list of words", name)
	}
	return t, nil
}

// sound refuses a text with blanks around it, and one whose braces are not places.
func sound(name, say string) error {
	if strings.TrimSpace(say) != say || say == "" {
		return fmt.Errorf("%s is empty, or begins or ends with a blank: %q", name, say)
	}
	if _, ok := places(say); !ok {
		return fmt.Errorf("%s has a brace that is not a place: %q", name, say)
	}
	return nil
}

// forms takes the forms of a text that depends on a number.
func (t *Text) forms(v map[string]any) error {
	to := map[string]*string{"zero": &t.Zero, "one": &t.One, "two": &t.Two, "few": &t.Few, "many": &t.Many, "other": &t.Say}
	for form, value := range v {
		said, is := value.(string)
		if !is || to[form] == nil {
			return fmt.Errorf("%s has the form %q, which is not a text for zero, one, two, few, many or other", t.Name, form)
		}
		if err := sound(t.Name, said); err != nil {
			return err
		}
		*to[form] = said
	}
	if t.Say == "" {
		return fmt.Errorf("%s has no form for other numbers", t.Name)
	}
	return nil
}

// Counts reports whether the text depends on a number, which fills the place {n}.
func (t Text) Counts() bool {
	return t.Zero != "" || t.One != "" || t.Two != "" || t.Few != "" || t.Many != ""
}
