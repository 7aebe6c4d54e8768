package store

import "github.com/paywatt/paywatt/internal/wallet"

// What follows hands a use case the rows of another one: it asks for what that one needs, and declares none of it itself.

// Notices are the rows that noting a notice needs.
func (tx *Tx) Notices() wallet.NoticeTx { return tx }
