package report

import (
	"context"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/seal"
)

// HeadTx is the part of a transaction that heads of the log need.
type HeadTx interface {
	// Head returns the signed head of the log of the given size, or the newest head if size is 0.
	Head(size int64) (h seal.Head, found bool, err error)
	// Growth returns the proof that the log of the larger size begins with the log of the smaller size.
	Growth(from, to int64) ([][32]byte, error)
}

// SignedHead is a signed head of the log, in the form to be stored elsewhere.
type SignedHead struct {
	refusal.Refusal
	Size int64
	File proof.HeadFile
}

// Head returns the signed head of the log of the given size, or the newest head if size is 0 (right: vend.read). The parameter since may
// be the size of an older head. Then Head adds the proof that the log only grew between the two heads.
func (r *Reports) Head(ctx context.Context, by access.Actor, size, since int64) (SignedHead, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return SignedHead{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) (SignedHead, error) {
		h, found, err := tx.Head(size)
		if err != nil {
			return SignedHead{}, err
		}
		if !found && size == 0 {
			return SignedHead{Refusal: refuse.NothingSealed()}, nil
		}
		if !found {
			return SignedHead{Refusal: refuse.HeadNotFound(size)}, nil
		}
		out := SignedHead{Size: h.Size, File: proof.HeadFile{Note: h.Note, Key: r.keys.Public, Since: since}}
		origin, _, _ := strings.Cut(h.Note, "\n")
		out.File.HandOvers = r.keys.HandOvers(origin)
		if since == 0 {
			return out, nil
		}
		if _, found, err := tx.Head(since); err != nil || !found {
			return SignedHead{Refusal: refuse.HeadNotFound(since)}, err
		}
		if since > h.Size {
			return SignedHead{Refusal: refuse.HeadNotOlder(since, h.Size)}, nil
		}
		out.File.Path, err = tx.Growth(since, h.Size)
		return out, err
	})
	return out, fault.Wrap(err, "head of %d leaves since %d", size, since)
}
