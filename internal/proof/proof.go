// Package proof lets whoever holds a receipt show, without the server and without the database, that its sale stands in
// the sealed log: that the figures on the receipt are those that were sealed with the sale, and that a head which was
// signed, and kept where the seller could not reach it, covers them.
//
// Start at [Check]. The chain has four links: the receipt's core has a hash ([receipt.Receipt.Paper]); the hash is in
// the audit row of the sale, whose leaf is computed again from what the proof shows of the row ([seal.Row]); a path
// leads from the leaf to the root of the log ([seal.Proof]); the root is in a signed head. That two heads are of one
// log that only grew is shown by a proof between them ([HeadFile]).
//
// Here are the forms in which proofs and heads travel and the one way to check them. It is pure: files are read, and
// proofs are looked up, elsewhere.
package proof

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/seal"
)

// Form names the form of a proof.
const Form = "paywatt proof 1"

// Action is that of the audit row of a completed sale, PaperMark begins what the row says, before the hash of the
// receipt's core.
const (
	Action    = "vend.sell"
	PaperMark = "paper="
)

// MaxPath bounds a path: no log of [seal.MaxSize] leaves has a longer one, not even between two heads.
const MaxPath = 100

// Sealed is a sale in the log, as the store finds it.
type Sealed struct {
	Row  seal.Row
	Path seal.Proof // to the log of Path.Size leaves
	Head string     // the signed head of that size
}

// ErrForm means that a file is not in a form of this package.
var ErrForm = errors.New("not a proof or a head that this version can read")

// Document is the proof of a receipt whose core is paper, as the receipt carries it in its member proof.
func Document(paper string, s Sealed) *apiv1.ReceiptProof {
	return &apiv1.ReceiptProof{Form: Form, Paper: paper, At: s.Row.At, Action: s.Row.Action, Object: s.Row.Object, After: s.Row.After,
		Rest: hex.EncodeToString(s.Row.Rest[:]), Pos: s.Path.Pos, Path: texts(s.Path.Path), Head: s.Head}
}

// parse reads a proof. That it leads anywhere is not checked here.
func parse(b []byte) (apiv1.ReceiptProof, Sealed, error) {
	var d apiv1.ReceiptProof
	if err := json.Unmarshal(b, &d); err != nil {
		return d, Sealed{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if d.Form != Form {
		return d, Sealed{}, fmt.Errorf("%w: its format is %q instead of %q", ErrForm, d.Form, Form)
	}
	rest, err := hex.DecodeString(d.Rest)
	if err != nil || len(rest) != 32 {
		return d, Sealed{}, fmt.Errorf("%w: \"rest\" is not a hash", ErrForm)
	}
	s := Sealed{Row: seal.Row{At: d.At, Action: d.Action, Object: d.Object, After: d.After, Rest: [32]byte(rest)}, Head: d.Head}
	s.Path.Pos = d.Pos
	s.Path.Path, err = hashes(d.Path)
	return d, s, err
}

// texts writes hashes as files carry them.
func texts(all [][32]byte) []string {
	out := make([]string, len(all))
	for i, h := range all {
		out[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return out
}

func hashes(all []string) ([][32]byte, error) {
	if len(all) > MaxPath {
		return nil, fmt.Errorf("%w: the path has %d hashes, and at most %d are possible", ErrForm, len(all), MaxPath)
	}
	out := make([][32]byte, len(all))
	for i, text := range all {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) != 32 {
			return nil, fmt.Errorf("%w: entry %d of the path is not a hash", ErrForm, i+1)
		}
		out[i] = [32]byte(b)
	}
	return out, nil
}
