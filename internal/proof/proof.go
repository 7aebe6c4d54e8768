// Package proof lets the holder of a receipt prove, without the server and the database, that its sale is in the sealed log. The proof
// shows that the figures on the receipt were sealed with the sale, and that a signed head covers them. The holder must have got this head
// from a place that the seller cannot change.
//
// Start at [Check]. The chain has four links. The receipt's core has a hash ([receipt.Receipt.Paper]). This hash is in the audit row of
// the sale, and the leaf of the row is computed again from the proof ([seal.Row]). A path leads from the leaf to the root of the log
// ([seal.Proof]). The root is in a signed head. A proof between two heads shows that they belong to one log that only grew ([HeadFile]).
//
// This package has the file forms of proofs and heads, and the only code that checks them. It does no input or output: other packages read
// files and look up proofs.
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

// Form is the name and version of the form of a proof.
const Form = "paywatt proof 1"

// Action is the action of a completed sale's audit row. The row describes the sale in a text that begins with PaperMark and the hash of the
// receipt's core.
const (
	Action    = "vend.sell"
	PaperMark = "paper="
)

// MaxPath is the greatest number of hashes in a path. No path in a log of [seal.MaxSize] leaves is longer, and no path between
// two of its heads.
const MaxPath = 100

// Sealed is a sale in the log, as the store returns it.
type Sealed struct {
	Row  seal.Row
	Path seal.Proof // path in the log of Path.Size leaves
	Head string     // the signed head of the log of Path.Size leaves
}

// ErrForm means that a file is not in a form of this package.
var ErrForm = errors.New("not a proof or a head that this version can read")

// Document returns the content of a receipt's JSON member "proof". The parameter paper is the core of the receipt.
func Document(paper string, s Sealed) *apiv1.ReceiptProof {
	return &apiv1.ReceiptProof{Form: Form, Paper: paper, At: s.Row.At, Action: s.Row.Action, Object: s.Row.Object, After: s.Row.After,
		Rest: hex.EncodeToString(s.Row.Rest[:]), Pos: s.Path.Pos, Path: texts(s.Path.Path), Head: s.Head}
}

// parse reads a proof. It does not check where the proof leads.
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

// texts encodes hashes in the form that files have.
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
