package store

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/webhook"
)

// A use case reaches the rows of another use case through an accessor of its transaction. There is only one transaction, so every
// accessor returns tx itself.

// Once returns the transaction for stored answers.
func (tx *Tx) Once() once.Tx { return tx }

// Numbers returns the transaction for changes of telephone numbers.
func (tx *Tx) Numbers() registry.NumberTx { return tx }

// Eyes returns the transaction for the four-eyes rule.
func (tx *Tx) Eyes() access.EyesTx { return tx }

// Keys returns the transaction for the ends of API keys.
func (tx *Tx) Keys() access.KeyTx { return tx }

// Ceilings returns the transaction for what people take in a day.
func (tx *Tx) Ceilings() access.CeilingTx { return tx }

// People returns the transaction for adding and changing people.
func (tx *Tx) People() access.PeopleTx { return tx }

// Registering returns the transaction for registering meters and customers, and TakingBack the one for undoing that.
func (tx *Tx) Registering() registry.Tx        { return tx }
func (tx *Tx) TakingBack() registry.TakeBackTx { return tx }

// Imports returns the transaction for imported files.
func (tx *Tx) Imports() imports.ImportTx { return tx }

// Lists returns the transaction for lists of meters.
func (tx *Tx) Lists() registry.ListTx { return tx }

// Logins returns the transaction for that with which meters sign in.
func (tx *Tx) Logins() registry.LoginTx { return tx }

// Limits returns the transaction for what wallet meters may do.
func (tx *Tx) Limits() registry.LimitTx { return tx }

// Flats returns the transaction for a landlord's flats.
func (tx *Tx) Flats() flats.Tx { return tx }

// Searching returns the transaction for searches.
func (tx *Tx) Searching() search.Tx { return tx }

// Tails returns the transaction that gives old tokens the hash of their last digits.
func (tx *Tx) Tails() search.TailTx { return tx }

// Owing returns the transaction that moves debts from one account to another.
func (tx *Tx) Owing() registry.OwingTx { return tx }

// Early returns the transaction for answers that came before their questions.
func (tx *Tx) Early() early.Tx { return tx }

// Books returns the transaction for postings.
func (tx *Tx) Books() ledger.Books { return tx }

// Debts returns the transaction for debts and accounts.
func (tx *Tx) Debts() debt.Tx { return tx }

// Charges returns the transaction for fixed charges.
func (tx *Tx) Charges() debt.ChargeTx { return tx }

// Days returns the transaction for closed days.
func (tx *Tx) Days() dayclose.DayTx { return tx }

// Shifts returns the transaction that reads and writes shifts.
func (tx *Tx) Shifts() till.ShiftTx { return tx }

// Vendors returns the transaction for vendors.
func (tx *Tx) Vendors() vendor.Tx { return tx }

// Wallets returns the transaction for settling wallets.
func (tx *Tx) Wallets() wallet.SettleTx { return tx }

// Configuring returns the transaction for bringing meters their configuration.
func (tx *Tx) Configuring() meterconfig.ConfigureTx { return tx }

// Notices returns the transaction for recording notices.
func (tx *Tx) Notices() wallet.NoticeTx { return tx }

// Rating returns the transaction for rating readings.
func (tx *Tx) Rating() wallet.ReleaseTx { return tx }

// Supplies returns the transaction for watching supplies.
func (tx *Tx) Supplies() wallet.WatchTx { return tx }

// WalletJobs returns the transaction for recurring work on wallets.
func (tx *Tx) WalletJobs() wallet.JobTx { return tx }

// WalletViews returns the transaction for showing wallets.
func (tx *Tx) WalletViews() wallet.ViewTx { return tx }

// WalletCommands returns the transaction for signing the commands of a wallet.
func (tx *Tx) WalletCommands() wallet.SigningTx { return tx }

// Switches returns the transaction for switching a supply for a person.
func (tx *Tx) Switches() wallet.SwitchTx { return tx }

// Messages returns the transaction for the messages of a sale.
func (tx *Tx) Messages() notify.SaleTx { return tx }

// Selling returns the transaction for writing a sale.
func (tx *Tx) Selling() vending.SellTx { return tx }

// Sold returns the transaction for reading completed sales.
func (tx *Tx) Sold() vending.SoldTx { return tx }

// Jobs returns the transaction for tokens without a sale.
func (tx *Tx) Jobs() vending.JobTx { return tx }

// Swaps returns the transaction for meters that take the place of others.
func (tx *Tx) Swaps() vending.SwapTx { return tx }

// Reversals returns the transaction for reversals.
func (tx *Tx) Reversals() vending.ReversalTx { return tx }

// Cancelling returns the transaction for cancelling tokens at their meters.
func (tx *Tx) Cancelling() vending.CancelTx { return tx }

// Spending returns the transaction for the payments that sales use.
func (tx *Tx) Spending() vending.PaymentTx { return tx }

// Payments returns the transaction for payments of providers.
func (tx *Tx) Payments() payment.PaymentTx { return tx }

// Requests returns the transaction for requests to pay, and for questions to providers.
func (tx *Tx) Requests() payment.RequestTx { return tx }

// Vouchers returns the transaction for vouchers.
func (tx *Tx) Vouchers() voucher.VoucherTx { return tx }

// Paying returns the transaction for the steps of payments.
func (tx *Tx) Paying() payment.Tx { return tx }

// Reconciling returns the transaction for statements and reconciliations.
func (tx *Tx) Reconciling() reconcile.Rows { return tx }

// Comparing returns the transaction for what a statement file or a day is compared with.
func (tx *Tx) Comparing() reconcile.Comparison { return tx }

// Webhooks returns the transaction for webhooks and their deliveries.
func (tx *Tx) Webhooks() webhook.WebhookTx { return tx }

// Commands returns the transaction for giving commands to meters.
func (tx *Tx) Commands() command.AddTx { return tx }

// PageLinks returns the transaction for links to customers' pages.
func (tx *Tx) PageLinks() pagelink.RowTx { return tx }

// Clock returns the transaction for checking the server's clock.
func (tx *Tx) Clock() vending.ClockTx { return tx }

// Intake returns the transaction for records from meters.
func (tx *Tx) Intake() intake.Tx { return tx }

// Reports returns the transaction for the reports of meters.
func (tx *Tx) Reports() intake.ReportTx { return tx }

// Review returns the transaction for records that are held for review.
func (tx *Tx) Review() intake.ReviewTx { return tx }

// Meters returns the transaction for finding meters.
func (tx *Tx) Meters() registry.MeterLookup { return tx }

// KeyChanges returns the transaction for confirming key changes.
func (tx *Tx) KeyChanges() registry.KeyChangeTx { return tx }

// Customers returns the transaction for customers and their accounts.
func (tx *Tx) Customers() registry.CustomerTx { return tx }

// Tariffs returns the transaction for tariffs.
func (tx *Tx) Tariffs() registry.TariffTx { return tx }

// Changing returns the transaction for changes of the tariffs of accounts.
func (tx *Tx) Changing() registry.TariffChangeTx { return tx }

// Carried returns the transaction for the tokens in messages.
func (tx *Tx) Carried() notify.CarriedTx { return tx }

// Bought returns the transaction for the last sale to a meter.
func (tx *Tx) Bought() notify.BoughtTx { return tx }

// Recipients returns the transaction for answering messages.
func (tx *Tx) Recipients() notify.RecipientTx { return tx }

// Queued returns the transaction for finding messages that are due.
func (tx *Tx) Queued() notify.QueuedTx { return tx }

// Outcomes returns the transaction for telling people the outcome of messages.
func (tx *Tx) Outcomes() notify.OutcomeTx { return tx }
