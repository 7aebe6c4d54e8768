package keystore_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/paywatt/paywatt/internal/keystore"
)

func TestKeyFileForms(t *testing.T) {
	for name, text := range map[string]string{
		"bare":             hex02,
		"line end":         hex02 + "\n",
		"Windows line end": hex02 + "\r\n",
		"blanks":           "  ABAB abab\tABab ABab  \n",
		"blank lines":      "\n\n" + hex02 + "\n\n\n",
	} {
		k, err := keystore.ReadVendingKey(strings.NewReader(text))
		if err != nil || hex.EncodeToString(k.Reveal()) != hex02 {
			t.Errorf("%s: %v, %d bytes", name, err, len(k.Reveal()))
		}
	}
	k, err := keystore.ReadVendingKey(iotest.OneByteReader(strings.NewReader(hex04 + "\n")))
	if err != nil || hex.EncodeToString(k.Reveal()) != hex04 {
		t.Errorf("20 bytes: %v", err)
	}
}

func TestKeyFileComplaintsSayWhatIsWrongAndQuoteNothing(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "empty",
		" \n \n":                          "empty",
		hex02 + "c":                       "odd number",
		"abababababab":                    "6 bytes",
		hex04 + "16":                      "number base 16",
		"0x" + hex02:                      "line 1, character 2",
		hex02 + "\n" + hex02:              "second line",
		"# my key\n" + hex02:              "line 1, character 1",
		strings.Repeat("ab", 32):          "32 bytes",
		hex02 + strings.Repeat(" ", 5000): "longer than",
		"\xef\xbb\xbf" + hex02:            "line 1, character 1",
	} {
		k, err := keystore.ReadVendingKey(strings.NewReader(text))
		if !errors.Is(err, keystore.ErrKeyFile) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q in it", text, err, want)
			continue
		}
		if strings.Contains(err.Error(), "abab") || len(k.Reveal()) != 0 {
			t.Errorf("%.20q: the complaint quotes the key, or a key came with it", text)
		}
	}
	broken := errors.New("broken pipe")
	if _, err := keystore.ReadVendingKey(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("unreadable file: got %v, want %v", err, broken)
	}
}

func FuzzReadVendingKey(f *testing.F) {
	for _, s := range []string{"", hex02, hex04 + "\n", "ab ab", "\n\n0", "zz", hex02 + "\n" + hex02} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := keystore.ReadVendingKey(strings.NewReader(string(b)))
		n := len(k.Reveal())
		if err == nil && n != 8 && n != 20 || err != nil && n != 0 {
			t.Errorf("%q: key of %d bytes, %v", b, n, err)
		}
	})
}
