package headlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Trust holds the seal key and the signed heads of the folder, against which the database is checked.
type Trust struct {
	Public string     // the public line of the seal key that signs now
	Keys   seal.Chain // that key with the keys before it
	Heads  map[access.Tenant][]seal.Head

	there     bool        // whether the folder has its log of heads
	elsewhere []seal.Head // signed heads that somebody stored elsewhere
	newer     bool        // they may be newer than the database
	digits    func(token id.ID, sealed []byte) ([]byte, error)
	mark      func(leaf [32]byte) []byte
	markers   []core.Marker
}

// ReadTrust reads the seal key and the heads that are stored outside the database. A fault of the heads is a finding in r; a fault of the
// key is an error.
func ReadTrust(dir string, r *store.Report) (Trust, error) {
	key, keys, err := readKey(filepath.Join(dir, KeyFile))
	if err != nil {
		return Trust{}, err
	}
	t := Trust{Public: key.Public(), Keys: keys, Heads: make(map[access.Tenant][]seal.Head), mark: key.Mark}
	err = readHeads(filepath.Join(dir, File), keys, store.RuleHeads, r, func(tenant access.Tenant, h seal.Head) {
		t.Heads[tenant] = append(t.Heads[tenant], h)
	})
	if errors.Is(err, fs.ErrNotExist) {
		r.Find(store.RuleHeads, "The file of signed heads (%s) is missing. This folder alone cannot show whether the database was rolled back. Put the file back from a copy.", File)
		return t, nil
	}
	t.there = err == nil
	return t, err
}

// ExternalHeads holds the heads and the key that somebody stored outside the data folder, to check the folder against them. The zero
// ExternalHeads adds no check.
type ExternalHeads struct {
	Public string // the public line of the seal key, or of one before it; empty to trust the key in the folder
	Heads  string // a file of signed heads: a copy of heads.log, or heads as they are printed
	// Newer says that the heads may be newer than the database: it is a backup.
	Newer bool
	// Digits opens the sealed digits of a token and returns their keyed hash; nil without the data key.
	Digits func(token id.ID, sealed []byte) (hash []byte, err error)
	// Markers make the marks of rows that let somebody sign in; none without the data key. The database belongs to one of them.
	Markers []core.Marker
}

// Join adds external heads. A fault in them is a finding in r. If their file cannot be read, Join returns an error.
func (t *Trust) Join(o ExternalHeads, r *store.Report) error {
	t.digits, t.markers, t.newer = o.Digits, o.Markers, o.Newer
	if public := strings.TrimSpace(o.Public); public != "" && t.Keys.Age(public) < 0 {
		r.Find("head", "The folder's seal key is %s, but %s was expected. Whoever changed the key could have rewritten everything.", t.Public, o.Public)
		t.Public, t.Keys = public, seal.Chain{Public: public}
	}
	if o.Heads == "" {
		return nil
	}
	before := len(t.elsewhere)
	err := readHeads(o.Heads, t.Keys, "head", r, func(_ access.Tenant, h seal.Head) { t.elsewhere = append(t.elsewhere, h) })
	if err != nil {
		return fmt.Errorf("read the heads that were kept elsewhere: %w", err)
	}
	if len(t.elsewhere) == before {
		r.Find("head", "%s has no head signed by this database's key.", filepath.Base(o.Heads))
	}
	return nil
}

// Of returns the key and heads against which to check a tenant, given the origin of the tenant's log.
func (t *Trust) Of(tenant access.Tenant, origin string) store.Trust {
	out := store.Trust{Keys: t.Keys, Heads: slices.Clone(t.Heads[tenant]), Digits: t.digits, Mark: t.mark, Markers: t.markers, NoHeads: t.there && len(t.Heads[tenant]) == 0, Newer: t.newer}
	for _, h := range t.elsewhere {
		if h.Origin == origin {
			out.Heads = append(out.Heads, h)
		}
	}
	for _, o := range t.Keys.HandOvers(origin) {
		if o.Size > 0 {
			out.Heads = append(out.Heads, o.Head)
		}
	}
	return out
}

// Strays reports each head that belongs to a log which the database does not have.
func (t *Trust) Strays(origins []string, r *store.Report) {
	for _, h := range t.elsewhere {
		if !slices.Contains(origins, h.Origin) {
			r.Find("log", "A signed head of the log %s (seal %d) was kept elsewhere, but this database has no such log.", h.Origin, h.Seal)
		}
	}
}

// readHeads reads a file of heads: JSON lines as the server writes them, or printed signed notes one after the other. If no key of the chain
// signed a head, or the chain lacks a hand-over, readHeads reports a finding under the given rule.
func readHeads(path string, keys seal.Chain, rule string, r *store.Report, add func(access.Tenant, seal.Head)) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name := filepath.Base(path)
	take := func(tenant access.Tenant, note string, n int) {
		h, _, err := keys.Head(note)
		switch {
		case errors.Is(err, seal.ErrHandedOver):
			r.Find(rule, "Line %d of %s is a head signed by an old key after it had handed over to the next. Somebody may have a copy of the old key.", n, name)
			return
		case err != nil:
			r.Find(rule, "Line %d of %s is not a head signed by this database's key.", n, name)
			return
		}
		add(tenant, h)
		r.Count("heads kept outside the database", 1)
	}
	handed := func(note string, n int) {
		if !slices.ContainsFunc(keys.HandOvers(""), func(o seal.HandOver) bool { return o.Note == note }) {
			r.Find(rule, "Line %d of %s hands the logs over to another seal key, but the folder's %s does not have this hand-over. "+
				"Put the newest %s back. If no copy has it, somebody made it with a stolen key.", n, name, KeyFile, KeyFile)
		}
	}
	end := whole(text)
	note, n := "", 0
	for one := range strings.Lines(string(text[:end])) {
		n++
		if note != "" || strings.HasPrefix(one, "paywatt/") {
			if note += one; strings.HasPrefix(one, "\u2014 ") { // the signature ends a note
				take(0, note, n)
				note = ""
			}
			continue
		}
		var l line
		switch broken := json.Unmarshal([]byte(one), &l) != nil; {
		case seal.IsHandOverLine(one):
			o, _ := seal.ParseHandOverLine(one)
			handed(o.Note, n)
		case strings.TrimSpace(one) == "", proof.IsHeadFileLine(one):
		case broken && (rule == store.RuleHeads || strings.HasPrefix(one, "{")):
			r.Find(rule, "Line %d of %s is broken. Put the file back from a copy; without a copy, save this file elsewhere and delete the line.", n, name)
		case broken: // other text around a printed head
			r.Count("other lines in "+name, 1)
		case !l.Lost.IsZero():
			r.Find(rule, "%s was found without its heads at %s, when the log had %d seals. This folder alone cannot show whether the database was rolled back before that time. "+
				"Put the file back from a copy, or check the books against heads that you stored elsewhere (--head) and delete line %d.",
				name, l.Lost.Format("2006-01-02 15:04:05"), l.Seal, n)
		case l.HandOver != "":
			handed(l.HandOver, n)
		default:
			take(l.Tenant, l.Note, n)
		}
	}
	if end < len(text) {
		r.Count("torn lines in "+name, 1) // torn by a power cut: the next start removes this line
	}
	if note != "" {
		r.Find(rule, "The last head in %s is incomplete.", name)
	}
	return nil
}
