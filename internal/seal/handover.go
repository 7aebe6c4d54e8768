package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// HandOver says that one key hands a log over to the next key. Both keys sign it. The old key signs heads of the log up to the head of the
// hand-over, and no later ones. The embedded Head is the state of the log at that moment, and its Note is the whole signed statement.
type HandOver struct {
	Head
	From, Next string // public lines of the two keys
}

// ErrHandedOver is an ErrHead: a key signed a head of the time after it had handed over.
var ErrHandedOver = fmt.Errorf("%w: signed by an old key after it had handed over to the next", ErrHead)

// ErrChain means that hand-overs contradict each other. One key has handed one log over twice, or to two keys.
var ErrChain = errors.New("two hand-overs of a seal key contradict each other")

// These words begin the lines of a hand-over after those of a head.
const (
	fromWord = "from "
	nextWord = "next "
)

// handOverWord begins the line of a hand-over in a file.
const handOverWord = "handover "

// text returns the signed part. It names both keys, so that no signature can be taken over into a statement about another key.
func (o HandOver) text() string {
	return o.Head.text() + fromWord + o.From + "\n" + nextWord + o.Next + "\n"
}

// SignHandOver returns the statement that one key hands over to the next at a head.
func SignHandOver(from, next Key, at Head) (HandOver, error) {
	o := HandOver{Head: at, From: from.Public(), Next: next.Public()}
	signed, err := note.Sign(&note.Note{Text: o.text()}, from.signer, next.signer)
	if err != nil {
		return HandOver{}, fmt.Errorf("sign the hand-over of %s: %w", at.Origin, err)
	}
	o.Note = string(signed)
	return o, nil
}

// ParseHandOver reads a hand-over and checks both signatures. Everything that it returns was signed by both keys.
func ParseHandOver(signed string) (HandOver, error) {
	text, _, _ := strings.Cut(signed, "\n\n")
	lines := strings.Split(text, "\n")
	if len(lines) != 8 {
		return HandOver{}, ErrHead
	}
	o := HandOver{From: strings.TrimPrefix(lines[6], fromWord), Next: strings.TrimPrefix(lines[7], nextWord)}
	from, err := note.NewVerifier(o.From)
	next, err2 := note.NewVerifier(o.Next)
	if err := errors.Join(err, err2); err != nil || o.From == o.Next {
		return HandOver{}, fmt.Errorf("%w: the keys of a hand-over: %w", ErrHead, errors.Join(err, ErrKey))
	}
	n, err := note.Open([]byte(signed), note.VerifierList(from, next))
	if err != nil {
		return HandOver{}, fmt.Errorf("%w: %w", ErrHead, err)
	}
	if len(n.Sigs) != 2 {
		return HandOver{}, fmt.Errorf("%w: one of the two keys has not signed the hand-over", ErrHead)
	}
	h, ok := parseText(strings.Join(lines[:6], "\n") + "\n")
	o.Head = h
	if !ok || o.text() != n.Text || signed != canonical(n) {
		return HandOver{}, ErrHead
	}
	o.Note = signed
	return o, nil
}

// Line returns the hand-over as one line of a file, without a line feed.
func (o HandOver) Line() string {
	return handOverWord + base64.StdEncoding.EncodeToString([]byte(o.Note))
}

// IsHandOverLine reports whether a line has the form of [HandOver.Line].
func IsHandOverLine(line string) bool { return strings.HasPrefix(line, handOverWord) }

// ParseHandOverLine reads a line that [HandOver.Line] wrote, and checks both signatures.
func ParseHandOverLine(line string) (HandOver, error) {
	signed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(line, handOverWord)))
	if err != nil {
		return HandOver{}, fmt.Errorf("%w: the line of a hand-over: %w", ErrHead, err)
	}
	return ParseHandOver(string(signed))
}

// Chain is the key that signs heads now, with the keys before it and their hand-overs. A Chain with only a public line has no older keys.
type Chain struct {
	Public string // public line of the newest key

	older []string // public lines of the keys before it, oldest first
	links []HandOver
}

// NewChain puts hand-overs in order. The parameter known is the public line of any key of the chain. NewChain ignores hand-overs between keys
// that are not in its chain. Its error is [ErrChain].
func NewChain(known string, all ...HandOver) (Chain, error) {
	next, before, at := map[string]string{}, map[string]string{}, map[[2]string]string{}
	for _, o := range all {
		log := [2]string{o.From, o.Origin}
		if put(next, o.From, o.Next) && put(before, o.Next, o.From) && put(at, log, o.Note) {
			continue
		}
		return Chain{}, fmt.Errorf("%w: %s hands over to %s", ErrChain, o.From, o.Next)
	}
	c := Chain{Public: known}
	for n := 0; next[c.Public] != ""; n++ {
		if n == len(all) {
			return Chain{}, fmt.Errorf("%w: %s hands over to itself", ErrChain, known)
		}
		c.Public = next[c.Public]
	}
	for key := before[c.Public]; key != ""; key = before[key] {
		c.older = append([]string{key}, c.older...)
	}
	for _, o := range all {
		if slices.Contains(c.older, o.From) && !slices.ContainsFunc(c.links, func(l HandOver) bool { return l.Note == o.Note }) {
			c.links = append(c.links, o)
		}
	}
	slices.SortStableFunc(c.links, func(a, b HandOver) int { return c.Age(b.From) - c.Age(a.From) })
	return c, nil
}

// put stores a value, and reports false if there is another value already.
func put[K comparable](m map[K]string, key K, value string) bool {
	if was, known := m[key]; known {
		return was == value
	}
	m[key] = value
	return true
}

// Age returns how many keys came after a key: 0 for the newest, and -1 for a key that is not in the chain.
func (c Chain) Age(public string) int {
	if public == c.Public {
		return 0
	}
	if n := slices.Index(c.older, public); n >= 0 {
		return len(c.older) - n
	}
	return -1
}

// HandOvers returns the hand-overs of one log, oldest first, or those of all logs for an empty origin.
func (c Chain) HandOvers(origin string) []HandOver {
	return slices.DeleteFunc(slices.Clone(c.links), func(o HandOver) bool { return origin != "" && o.Origin != origin })
}

// Head reads a signed head and returns the key that signed it. It accepts the newest key, and an older one up to its hand-over of the log.
func (c Chain) Head(signed string) (h Head, signer string, err error) {
	h, err = ParseHead(signed, c.Public)
	if !errors.Is(err, ErrSigner) {
		return h, c.Public, err
	}
	for _, key := range slices.Backward(c.older) {
		old, no := ParseHead(signed, key)
		if errors.Is(no, ErrSigner) {
			continue
		}
		n := slices.IndexFunc(c.links, func(o HandOver) bool { return o.From == key && o.Origin == old.Origin })
		switch {
		case no != nil:
			return Head{}, key, no
		case n < 0: // a log of a later time
			return Head{}, key, ErrSigner
		case old.Size > c.links[n].Size || old.Epoch > c.links[n].Epoch:
			return Head{}, key, ErrHandedOver
		}
		return old, key, nil
	}
	return Head{}, "", err
}

// RevealFile returns the content of the key's file: the key, and then the hand-overs that lead to it.
func (k Key) RevealFile(c Chain) string {
	text := k.Reveal()
	for _, o := range c.links {
		text += o.Line() + "\n"
	}
	return text
}

// ParseKeyFile reads a text that [Key.RevealFile] returned.
func ParseKeyFile(text string) (Key, Chain, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	k, err := ParseKey(strings.Join(lines[:min(2, len(lines))], "\n"))
	if err != nil {
		return Key{}, Chain{}, err
	}
	var all []HandOver
	for n, line := range lines[2:] {
		o, err := ParseHandOverLine(line)
		if !IsHandOverLine(line) || err != nil {
			return Key{}, Chain{}, fmt.Errorf("%w: line %d is not a hand-over that both keys signed", ErrKey, n+3)
		}
		all = append(all, o)
	}
	c, err := NewChain(k.Public(), all...)
	if err != nil || c.Public != k.Public() || len(c.links) != len(all) {
		return Key{}, Chain{}, fmt.Errorf("%w: its hand-overs do not lead to it", errors.Join(ErrKey, err))
	}
	return k, c, nil
}
