package proof

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/seal"
)

// Answer is the result of a check.
type Answer string

// Answers. Only Proven means that the receipt is proven.
const (
	Proven    Answer = "proven"
	Changed   Answer = "changed"        // the receipt, or its proof, is not what was sealed
	NotUnder  Answer = "not-under-head" // nothing is wrong, but the given heads do not prove it
	Forked    Answer = "fork"           // two signed heads contradict each other: the log was rewritten, or a restore lost a part of it
	WrongKey  Answer = "wrong-key"
	NoKey     Answer = "no-key" // neither the question nor a head file names a key
	BrokenDoc Answer = "broken"
)

// Question says what to check.
type Question struct {
	Receipt []byte     // a receipt with its proof, as JSON; nil to compare heads only
	Heads   []HeadFile // the heads that the asker holds
	Key     string     // public line of the trusted key; empty to trust the one in a head file
}

// Verdict is the answer to a question, with its reasons.
type Verdict struct {
	Answer  Answer
	What    string   // the reason for the answer, for a person
	Try     string   // what to do next; empty if there is nothing to do
	Changed []string // for a changed receipt: the parts that differ, as far as Check can find them

	Receipt receipt.Receipt // the receipt that was read
	Key     string          // the trusted key
	NewKey  string          // the key to which the trusted key has handed over; empty if it signs itself
	KeyFrom string          // name of the head file with the key; empty if the question has the key
	Origin  string          // origin line of the log; a log belongs to one tenant
	Pos     int64           // position of the sale in the log
	Heads   []seal.Head     // all heads, smallest first
	Under   seal.Head       // the largest head; it covers the receipt if the answer is Proven
}

// Uncovered lists the parts of a receipt that its proof does not cover.
func Uncovered() []string {
	return []string{
		"the digits of tokens (the meter proves them) and the tokens of a key change",
		"names, addresses, the tax number, messages, the fiscal code, the token technology of the meter",
		"the time zone, how often the receipt was printed, whether the sale was reversed later",
		"that other people see the same log: to check that, compare your head with one that somebody else got",
	}
}

// Check answers a question from its content alone.
func Check(q Question) Verdict {
	c := &checker{q: q}
	for _, step := range []func() bool{c.read, c.believe, c.open, c.agree, c.sealed, c.reach} {
		if !step() {
			return c.v
		}
	}
	c.v.Answer = Proven
	return c.v
}

// checker is the state of a check.
type checker struct {
	q       Question
	v       Verdict
	doc     apiv1.ReceiptProof
	proof   Sealed
	parsed  []seal.Head // the heads of q.Heads, in order
	own     seal.Head   // the head of the proof
	keys    seal.Chain  // the trusted key, with the keys before and after it
	vouched bool        // the trusted key, or one after it, has signed one of the heads
	paper   receipt.Printed
}

func (c *checker) say(a Answer, try, format string, args ...any) bool {
	c.v.Answer, c.v.Try, c.v.What = a, try, fmt.Sprintf(format, args...)
	return false
}

const getAgain = "Get the receipt with its proof again: paywatt vend receipt SALE --proof."

// read reads the receipt.
func (c *checker) read() bool {
	if c.q.Receipt == nil {
		return true
	}
	var err error
	if c.paper, err = receipt.ParseJSON(c.q.Receipt); err != nil {
		return c.say(BrokenDoc, getAgain, "The receipt cannot be read: %v.", err)
	}
	c.v.Receipt = c.paper.Receipt
	if c.paper.Proof == nil {
		return c.say(BrokenDoc, getAgain, "The receipt carries no proof.")
	}
	if c.doc, c.proof, err = parse(c.paper.Proof); err != nil {
		return c.say(BrokenDoc, getAgain, "The proof on the receipt cannot be read: %v.", err)
	}
	c.v.Pos = c.doc.Pos
	return true
}

// believe decides which key Check trusts.
func (c *checker) believe() bool {
	c.v.Key = strings.TrimSpace(c.q.Key)
	var all []seal.HandOver
	for _, h := range c.q.Heads {
		all = append(all, h.HandOvers...)
		if c.v.Key == "" {
			c.v.Key, c.v.KeyFrom = h.Key, h.Name
		}
	}
	var err error
	if c.keys, err = seal.NewChain(c.v.Key, all...); err != nil {
		return c.say(Forked, "Keep the files and show them to an auditor: together they prove the contradiction.",
			"ALARM. Two signed hand-overs of one key contradict each other: %v. Somebody may have a copy of that key.", err)
	}
	if c.keys.Public != c.v.Key {
		c.v.NewKey = c.keys.Public
	}
	for _, h := range c.q.Heads {
		if c.v.KeyFrom != "" && h.Key != "" && c.keys.Age(h.Key) < 0 {
			return c.say(WrongKey, "Name the utility's key with --key.", "%s and %s name different keys, %s and %s.", c.v.KeyFrom, h.Name, c.v.Key, h.Key)
		}
	}
	if c.v.Key == "" {
		return c.say(NoKey, "Give the utility's public key with --key, or give a head file that names it.", "No public key is known, so no signature can be checked.")
	}
	return true
}

// open checks the signatures.
func (c *checker) open() bool {
	for _, f := range c.q.Heads {
		h, ok := c.signed(f.Note, f.Name)
		if !ok {
			return false
		}
		c.parsed = append(c.parsed, h)
		c.v.Heads = append(c.v.Heads, h)
	}
	if c.q.Receipt != nil {
		var ok bool
		if c.own, ok = c.signed(c.proof.Head, "the receipt's proof"); !ok {
			return false
		}
		c.v.Heads = append(c.v.Heads, c.own)
	}
	if len(c.v.Heads) == 0 {
		return c.say(NotUnder, "Give a receipt, or at least two heads.", "No receipt and no heads were given.")
	}
	slices.SortStableFunc(c.v.Heads, func(a, b seal.Head) int { return cmp.Compare(a.Size, b.Size) })
	c.v.Origin = c.v.Heads[0].Origin
	return true
}

func (c *checker) signed(note, where string) (seal.Head, bool) {
	h, signer, err := c.keys.Head(note)
	if err == nil && c.keys.Age(signer) <= c.keys.Age(c.v.Key) {
		c.vouched = true
	}
	for _, o := range c.keys.HandOvers(h.Origin) { // the key after the old one vouches for the head of the hand-over
		c.vouched = c.vouched || err == nil && o.Size == h.Size && o.Root == h.Root && c.keys.Age(o.Next) <= c.keys.Age(c.v.Key)
	}
	switch {
	case errors.Is(err, seal.ErrHandedOver):
		return h, c.say(WrongKey, "Do not trust it, and show it to an auditor: somebody may have a copy of the old key.",
			"The head in %s was signed with an old key after that key had handed over to the next.", where)
	case errors.Is(err, seal.ErrSigner):
		return h, c.say(WrongKey, "Ask the utility for its public key. If it has replaced this one, add a head of today with --head (paywatt report head), which names the key after it. If not, somebody else signed the head.",
			"The head in %s was not signed with the key %s.", where, c.v.Key)
	case errors.Is(err, seal.ErrKey):
		return h, c.say(WrongKey, "Give the whole line of the public key, as the utility published it.", "%q is not a public key.", c.v.Key)
	case err != nil:
		return h, c.say(BrokenDoc, "Get the head again.", "The head in %s was changed: its signature does not match its text.", where)
	}
	return h, true
}

// agree looks for heads that contradict each other.
func (c *checker) agree() bool {
	for i, b := range c.v.Heads {
		for _, a := range c.v.Heads[:i] {
			if a.Origin != b.Origin {
				return c.say(NotUnder, "Give heads of the log that the receipt is in.", "The heads belong to different logs, %s and %s.", a.Origin, b.Origin)
			}
			if a.Size == b.Size && a.Root != b.Root || a.Size < b.Size && (a.Seal >= b.Seal || a.Epoch > b.Epoch) {
				return c.fork(a, b)
			}
		}
	}
	for _, o := range c.keys.HandOvers(c.v.Origin) {
		for _, h := range c.v.Heads {
			if h.Size == o.Size && h.Epoch == o.Epoch && h.Root != o.Root {
				return c.fork(h, o.Head)
			}
		}
	}
	for n, f := range c.q.Heads {
		from, ok := c.ofSize(f.Since)
		if ok && !seal.CheckGrowth(f.Path, from, c.parsed[n]) {
			return c.fork(from, c.parsed[n])
		}
	}
	return true
}

func (c *checker) fork(a, b seal.Head) bool {
	what := fmt.Sprintf("ALARM. Two heads signed by this key contradict each other: %d leaves (seal %d, %s) and %d leaves (seal %d, %s) cannot both be heads of a log that only grew.",
		a.Size, a.Seal, when(a), b.Size, b.Seal, when(b))
	try := "Keep both files and show them to an auditor: together they prove the contradiction. (If one of them has a proof of growth, get that file again first: a damaged proof looks the same.)"
	if a.Epoch != b.Epoch {
		try += " The database was restored from a backup between them. If the utility announced that restore, the data lost in it explains the contradiction."
	}
	return c.say(Forked, try, "%s", what)
}

func when(h seal.Head) string { return h.At.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// ofSize finds the head of the given size among the known heads.
func (c *checker) ofSize(size int64) (seal.Head, bool) {
	for _, h := range c.v.Heads {
		if h.Size == size {
			return h, size > 0
		}
	}
	return seal.Head{}, false
}

// sealed compares the receipt with the sealed row, and checks that the head of the proof covers this row.
func (c *checker) sealed() bool {
	if c.q.Receipt == nil {
		return true
	}
	p := c.proof.Path
	p.Size = c.own.Size
	hash, marked := strings.CutPrefix(c.doc.After, PaperMark)
	hash, _, _ = strings.Cut(hash, " ")
	switch {
	case !p.Check(c.proof.Row.Leaf(), c.own.Root):
		return c.say(Changed, getAgain, "The proof does not lead to its head: the sealed row that it shows, or its path, was changed.")
	case !marked || c.doc.Action != Action || c.doc.Object != c.v.Receipt.Sale:
		c.v.Changed = []string{"vend"}
		return c.say(Changed, getAgain, "The proof is for %s, but the receipt is for sale %s.", c.doc.Object, c.v.Receipt.Sale)
	}
	paper := c.v.Receipt.Paper()
	if receipt.PaperHash(paper) != hash {
		c.v.Changed = c.paper.Altered
		if receipt.PaperHash(c.doc.Paper) == hash {
			c.v.Changed = append(difference(paper, c.doc.Paper), c.paper.Altered...)
		}
		return c.say(Changed, "Do not trust it. "+getAgain, "The receipt is not the one that was sealed with the sale.")
	}
	if c.doc.Paper != paper {
		return c.say(Changed, getAgain, "The receipt is the one that was sealed, but the core that its proof shows was changed.")
	}
	if c.v.Changed = c.paper.Altered; len(c.v.Changed) > 0 {
		return c.say(Changed, "Do not trust it. "+getAgain, "A part of the receipt does not match its sealed figures.")
	}
	if err := c.v.Receipt.Check(); err != nil {
		c.v.Changed = []string{err.Error()}
		return c.say(Changed, "Show it to an auditor.", "The receipt is the one that was sealed, but its figures do not add up.")
	}
	return true
}

// difference lists the lines that differ between a receipt's core and the sealed core.
func difference(is, was string) []string {
	gather := func(paper string) (names []string, lines map[string][]string) {
		lines = make(map[string][]string)
		for line := range strings.SplitSeq(strings.TrimSuffix(paper, "\n"), "\n") {
			name, rest, _ := strings.Cut(line, " ")
			if _, known := lines[name]; !known {
				names = append(names, name)
			}
			lines[name] = append(lines[name], rest)
		}
		return names, lines
	}
	names, now := gather(is)
	before, then := gather(was)
	for _, name := range before {
		if _, known := now[name]; !known {
			names = append(names, name)
		}
	}
	var out []string
	for _, name := range names {
		for i := range max(len(now[name]), len(then[name])) {
			a, b := nth(now[name], i), nth(then[name], i)
			if a != b {
				out = append(out, fmt.Sprintf("%s: the receipt says %s, but %s was sealed", name, a, b))
			}
		}
	}
	return out
}

func nth(lines []string, i int) string {
	if i >= len(lines) {
		return "nothing"
	}
	return lines[i]
}

// reach checks that all heads belong to one log that only grew.
func (c *checker) reach() bool {
	c.v.Under = c.v.Heads[len(c.v.Heads)-1]
	// joined maps the size of each head to itself, or to the size of another head of the same log. From any size, the map leads step by
	// step to a size that is mapped to itself. Two heads belong to one log if the map leads both to the same size.
	joined := map[int64]int64{}
	for _, h := range c.v.Heads {
		joined[h.Size] = h.Size
	}
	root := func(size int64) int64 {
		for joined[size] != size {
			size = joined[size]
		}
		return size
	}
	for n, f := range c.q.Heads { // agree has checked these proofs
		if from, ok := c.ofSize(f.Since); ok {
			joined[root(from.Size)] = root(c.parsed[n].Size)
		}
	}
	start := c.own
	if c.q.Receipt == nil {
		start = c.v.Heads[0]
	}
	for n, h := range c.parsed {
		if root(h.Size) == root(start.Size) {
			continue
		}
		return c.apart(c.q.Heads[n].Name, h, start)
	}
	if !c.vouched { // a thief of the old key can sign heads of the time before its hand-over
		return c.say(NotUnder, fmt.Sprintf("Add a newer head with --head (paywatt report head --since %d), or trust the old key with --key.", c.v.Under.Size),
			"The heads were signed with a key before the trusted one, and the files do not prove that the log grew from them.")
	}
	return true
}

// apart explains why the files do not prove that the head h and the head start belong to one log.
func (c *checker) apart(name string, h, start seal.Head) bool {
	since := fmt.Sprintf("Get a proof that one log grew into the other (paywatt report head --since %d), and add it with --head.", min(h.Size, start.Size))
	switch {
	case c.q.Receipt == nil:
		return c.say(NotUnder, since, "The heads do not prove that the log of %d leaves grew into the log of %d leaves.", min(h.Size, start.Size), max(h.Size, start.Size))
	case h.Size <= c.v.Pos:
		return c.say(NotUnder, "Use a newer head (paywatt report head). "+since,
			"The head in %s is too old: it was signed at %s over %d leaves, but the sale is leaf %d.", name, when(h), h.Size, c.v.Pos)
	}
	return c.say(NotUnder, fmt.Sprintf("Get the receipt with a proof for that head: paywatt vend receipt SALE --proof --head %d. Or: %s", h.Size, since),
		"The receipt is proven under a head of %d leaves, but %s is a head of %d leaves. The files do not prove that both belong to one log.", start.Size, name, h.Size)
}
