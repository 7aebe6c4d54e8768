package store

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
)

// A use case reaches the rows of another one through an accessor of its own transaction. There is one transaction, so each of them
// returns it.

// Once is the transaction as stored answers need it.
func (tx *Tx) Once() once.Tx { return tx }

// Eyes is the transaction as the four-eyes rule needs it.
func (tx *Tx) Eyes() access.EyesTx { return tx }

// Books is the transaction as postings need it.
func (tx *Tx) Books() ledger.Books { return tx }

// Debts is the transaction as debts and accounts need it.
func (tx *Tx) Debts() debt.Tx { return tx }

// Charges is the transaction as fixed charges need it.
func (tx *Tx) Charges() debt.ChargeTx { return tx }

// Vendors is the transaction as vendors need it.
func (tx *Tx) Vendors() vendor.Tx { return tx }

// Wallets is the transaction as wallets need it.
func (tx *Tx) Wallets() wallet.SettleTx { return tx }

// Notices is the transaction as noting a notice needs it.
func (tx *Tx) Notices() wallet.NoticeTx { return tx }

// Rating is the transaction as rating readings needs it.
func (tx *Tx) Rating() wallet.ReleaseTx { return tx }

// Supplies is the transaction as watching over supplies needs it.
func (tx *Tx) Supplies() wallet.WatchTx { return tx }

// WalletJobs is the transaction as recurring work on wallets needs it.
func (tx *Tx) WalletJobs() wallet.JobTx { return tx }

// WalletViews is the transaction as showing wallets needs it.
func (tx *Tx) WalletViews() wallet.ViewTx { return tx }

// WalletCommands is the transaction as signing an order of a wallet needs it.
func (tx *Tx) WalletCommands() wallet.SigningTx { return tx }

// Switches is the transaction as switching a supply for a person needs it.
func (tx *Tx) Switches() wallet.SwitchTx { return tx }

// Messages is the transaction as the messages of a sale need it.
func (tx *Tx) Messages() notify.SaleTx { return tx }

// Selling is the transaction as writing a sale needs it.
func (tx *Tx) Selling() vending.SellTx { return tx }

// Sold is the transaction as whoever reads what was sold needs it.
func (tx *Tx) Sold() vending.SoldTx { return tx }

// Jobs is the transaction as tokens that nobody buys need it.
func (tx *Tx) Jobs() vending.JobTx { return tx }

// Reversals is the transaction as a reversal needs it.
func (tx *Tx) Reversals() vending.ReversalTx { return tx }

// Cancelling is the transaction as taking tokens back from a meter needs it.
func (tx *Tx) Cancelling() vending.CancelTx { return tx }

// Commands is the transaction as giving a command to a meter needs it.
func (tx *Tx) Commands() command.GiveTx { return tx }

// Clock is the transaction as the check of the server's clock needs it.
func (tx *Tx) Clock() vending.ClockTx { return tx }

// Intake is the transaction as records from meters need it.
func (tx *Tx) Intake() intake.Tx { return tx }

// Reports is the transaction as what meters report on needs it.
func (tx *Tx) Reports() intake.ReportTx { return tx }

// Review is the transaction as records that are held for review need it.
func (tx *Tx) Review() intake.ReviewTx { return tx }

// Meters is the transaction as whoever looks for a meter needs it.
func (tx *Tx) Meters() registry.MeterLookup { return tx }

// KeyChanges is the transaction as confirming a key change needs it.
func (tx *Tx) KeyChanges() registry.KeyChangeTx { return tx }

// Customers is the transaction as customers and their accounts need it.
func (tx *Tx) Customers() registry.CustomerTx { return tx }

// Tariffs is the transaction as tariffs need it.
func (tx *Tx) Tariffs() registry.TariffTx { return tx }

// Carried is the transaction as the tokens in messages need it.
func (tx *Tx) Carried() notify.CarriedTx { return tx }

// Bought is the transaction as the last sale to a meter needs it.
func (tx *Tx) Bought() notify.BoughtTx { return tx }

// Recipients is the transaction as answering a message needs it.
func (tx *Tx) Recipients() notify.RecipientTx { return tx }

// Queued is the transaction as finding the messages that are due needs it.
func (tx *Tx) Queued() notify.QueuedTx { return tx }

// Office is the transaction as telling people what messages came to needs it.
func (tx *Tx) Office() notify.OfficeTx { return tx }
