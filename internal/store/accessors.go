package store

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/wallet"
)

// What follows hands a use case the rows of another one: it asks for what that one needs, and declares none of it itself.

// Notices are the rows that noting a notice needs.
func (tx *Tx) Notices() wallet.NoticeTx { return tx }

// Approvals are the rows of acts that need a second person.
func (tx *Tx) Approvals() access.EyesTx { return tx }

// Wallets are the rows of wallets.
func (tx *Tx) Wallets() wallet.ReleaseTx { return tx }

// Supplies are the rows of supplies that wait for a time.
func (tx *Tx) Supplies() wallet.WatchTx { return tx }

// WalletJobs are the rows of recurring work on wallets.
func (tx *Tx) WalletJobs() wallet.JobTx { return tx }

// WalletViews are the rows that show wallets.
func (tx *Tx) WalletViews() wallet.ViewTx { return tx }

// WalletOrders are the rows that signing an order of a wallet needs.
func (tx *Tx) WalletOrders() wallet.OrderTx { return tx }

// Switches are the rows that switching a supply for a person needs.
func (tx *Tx) Switches() wallet.SwitchTx { return tx }
