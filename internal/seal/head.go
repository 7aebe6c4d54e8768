package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Head is the signed state of a log: its number of leaves and its root. One head commits to all earlier leaves.
type Head struct {
	Origin string // name of the log: "paywatt/" and the tenant's identity
	Size   int64
	Root   [32]byte
	Epoch  int64 // the store epoch; a restore begins a new one, which continues the restored log
	Seal   int64 // number of the seal
	At     time.Time
	Note   string // the signed text of these fields; empty until signed
}

// Errors of keys and heads.
var (
	ErrKey  = errors.New("malformed seal key")
	ErrHead = errors.New("malformed or wrongly signed head")
	// ErrSigner is an ErrHead: another key signed the head.
	ErrSigner = fmt.Errorf("%w: signed by another key", ErrHead)
)

// text returns the signed part in the form of a checkpoint (c2sp.org/tlog-checkpoint): origin, size and root, then Paywatt's own
// lines.
func (h Head) text() string {
	return fmt.Sprintf("%s\n%d\n%s\nepoch %d\nseal %d\nat %s\n", h.Origin, h.Size,
		base64.StdEncoding.EncodeToString(h.Root[:]), h.Epoch, h.Seal, h.At.UTC().Format(time.RFC3339Nano))
}

// Key signs heads. Only Reveal prints its private half.
type Key struct {
	signer          note.Signer
	private, public string
}

// NewKey makes a key from 32 bytes of rnd. The parameter name names its owner, and must contain neither blanks nor a plus sign.
func NewKey(name string, rnd io.Reader) (Key, error) {
	private, public, err := note.GenerateKey(rnd, name)
	if err != nil {
		return Key{}, fmt.Errorf("make a seal key: %w", err)
	}
	return ParseKey(private + "\n" + public)
}

// ParseKey reads a key in the form that Reveal returns.
func ParseKey(s string) (Key, error) {
	private, public, _ := strings.Cut(strings.TrimSpace(s), "\n")
	signer, err := note.NewSigner(strings.TrimSpace(private))
	if err != nil {
		return Key{}, ErrKey // the cause could contain the key
	}
	k := Key{signer: signer, private: strings.TrimSpace(private), public: strings.TrimSpace(public)}
	probe := Head{Origin: "probe"}
	if probe.Note, err = k.Sign(probe); err != nil {
		return Key{}, ErrKey
	}
	if _, err := ParseHead(probe.Note, k.Public()); err != nil {
		return Key{}, fmt.Errorf("%w: its two lines do not belong together", ErrKey)
	}
	return k, nil
}

// Reveal returns the content of the key's file: the private line, then the public line.
func (k Key) Reveal() string { return k.private + "\n" + k.public + "\n" }

// Public returns the public line, with which anybody can check heads.
func (k Key) Public() string { return k.public }

// String masks the key.
func (k Key) String() string { return "seal key " + k.public }

// GoString masks the key.
func (k Key) GoString() string { return k.String() }

// Format masks the key for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalJSON masks the key.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(k.String())), nil }

// Mark returns a keyed hash of a leaf. For a row that is not sealed yet, the mark shows that a holder of the key wrote it.
func (k Key) Mark(leaf [32]byte) []byte {
	key := sha256.Sum256([]byte("paywatt mark 1\n" + k.private))
	h := hmac.New(sha256.New, key[:])
	h.Write(leaf[:])
	return h.Sum(nil)[:markLen]
}

// markLen is long enough, because a forged mark can be tried only on the server and not offline.
const markLen = 16

// Sign returns the signed note of a head.
func (k Key) Sign(h Head) (string, error) {
	signed, err := note.Sign(&note.Note{Text: h.text()}, k.signer)
	if err != nil {
		return "", fmt.Errorf("sign head %d of %s: %w", h.Seal, h.Origin, err)
	}
	return string(signed), nil
}

// ParseHead reads a signed head and checks its signature against a public line. All returned fields were signed. It accepts only the exact
// form that [Key.Sign] writes: one signature, and no bits that a decoder would ignore.
func ParseHead(signed, public string) (Head, error) {
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return Head{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(verifier))
	var other *note.UnverifiedNoteError
	switch {
	case errors.As(err, &other):
		return Head{}, ErrSigner
	case err != nil:
		return Head{}, fmt.Errorf("%w: %w", ErrHead, err)
	}
	h, ok := parseText(n.Text)
	if !ok || h.text() != n.Text || signed != canonical(n) {
		return Head{}, ErrHead
	}
	h.Note = signed
	return h, nil
}

// canonical returns a note in the form in which this package writes it. Decoding the base64 and encoding it again drops stray bits.
func canonical(n *note.Note) string {
	text := n.Text + "\n"
	for _, one := range n.Sigs {
		sig, err := base64.StdEncoding.DecodeString(one.Base64)
		if err != nil {
			return ""
		}
		text += "— " + one.Name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
	}
	return text
}

// MaxSize is the largest number of leaves of a log. A log with a thousand new leaves a second reaches it after nine thousand years. Below it the
// arithmetic of proofs cannot overflow.
const MaxSize = 1 << 48

func parseText(s string) (Head, bool) {
	lines := strings.Split(s, "\n")
	if len(lines) != 7 {
		return Head{}, false
	}
	h := Head{Origin: lines[0]}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	ok := err == nil && copy(h.Root[:], root) == len(h.Root) && len(root) == len(h.Root)
	h.Size, err = strconv.ParseInt(lines[1], 10, 64)
	ok = ok && err == nil && h.Size >= 0 && h.Size <= MaxSize
	for line, to := range map[string]*int64{lines[3]: &h.Epoch, lines[4]: &h.Seal} {
		_, digits, _ := strings.Cut(line, " ")
		*to, err = strconv.ParseInt(digits, 10, 64)
		ok = ok && err == nil
	}
	_, at, _ := strings.Cut(lines[5], " ")
	h.At, err = time.Parse(time.RFC3339Nano, at)
	return h, ok && err == nil
}
