package apiv1

import "time"

// TrialBalanceLine is the sum of one account code; debits are positive, credits negative.
type TrialBalanceLine struct {
	Code         int    `json:"code" example:"2010" doc:"Code of the account in the chart"`
	Name         string `json:"name" example:"unearned" doc:"Name of the account in the chart"`
	Class        string `json:"class" enum:"asset,liability,equity,income,expense" doc:"Class of the account in the chart"`
	BalanceMinor int64  `json:"balance_minor" doc:"Balance; debits are positive, credits negative"`
}

// TrialBalance is the sum of every account code with postings; SumMinor is 0 in a sound ledger.
type TrialBalance struct {
	Currency string             `json:"currency" doc:"ISO 4217 code of the amounts; empty before the currency is set"`
	Accounts []TrialBalanceLine `json:"accounts" doc:"One line for each account code with postings"`
	SumMinor int64              `json:"sum_minor" doc:"Sum of all accounts; 0 in sound books"`
}

// LedgerAccount is one account of the ledger; debits are positive.
type LedgerAccount struct {
	Code         int    `json:"code" example:"1100" doc:"Code of the account in the chart"`
	Subject      string `json:"subject" doc:"Owner of the account; empty if there is only one"`
	Name         string `json:"name" example:"debt" doc:"Name of the account in the chart"`
	Class        string `json:"class" enum:"asset,liability,equity,income,expense" doc:"Class of the account in the chart"`
	Currency     string `json:"currency" doc:"ISO 4217 code of the amounts"`
	BalanceMinor int64  `json:"balance_minor" doc:"Balance; debits are positive, credits negative"`
	HeldMinor    int64  `json:"held_minor" doc:"Part of the balance that is reserved"`
}

// LedgerBalance is what an account held at a moment; debits are positive.
type LedgerBalance struct {
	Code         int       `json:"code" doc:"Code of the account in the chart"`
	Subject      string    `json:"subject" doc:"Owner of the account; empty if there is only one"`
	Currency     string    `json:"currency" doc:"ISO 4217 code of the balance"`
	At           time.Time `json:"at" doc:"Moment of the balance"`
	BalanceMinor int64     `json:"balance_minor" doc:"Balance; debits are positive, credits negative"`
}

// Posting is one line of a journal; debits are positive.
type Posting struct {
	Code        int    `json:"code" doc:"Code of the account in the chart"`
	Subject     string `json:"subject" doc:"Owner of the account; empty if there is only one"`
	Name        string `json:"name" doc:"Name of the account in the chart"`
	AmountMinor int64  `json:"amount_minor" doc:"Amount; debits are positive, credits negative"`
}

// Journal is a balanced entry of the books.
type Journal struct {
	ID       string    `json:"id" example:"jrn_01jd00000000000000000000000" doc:"Id of the journal"`
	Kind     string    `json:"kind" example:"vend" doc:"Kind of journal, such as vend, debt or deposit"`
	Ref      string    `json:"ref,omitempty" doc:"Id of the sale, debt or payment. For a reversal the kind of the reversed journal stands before it"`
	Memo     string    `json:"memo,omitempty" doc:"Remark on the journal"`
	Reverses string    `json:"reverses,omitempty" doc:"Id of the journal that this one reverses"`
	Currency string    `json:"currency" doc:"ISO 4217 code of all amounts"`
	PostedAt time.Time `json:"posted_at" doc:"Server time"`
	Postings []Posting `json:"postings" doc:"Lines of the journal; they sum to 0"`
}

// LedgerFilter narrows the list of ledger accounts.
type LedgerFilter struct {
	Code int `query:"code" doc:"Only accounts of this code"`
	Page
}

// LedgerAccounts is the list of ledger accounts.
var LedgerAccounts = Listing[LedgerFilter, LedgerAccount]{Name: "ledger-accounts", Path: "/v1/ledger/accounts", Tag: "ledger",
	Summary: "List ledger accounts with their balances"}

// JournalFilter asks for the journals of one account, of one operation, or for all.
type JournalFilter struct {
	Code    int    `query:"code" doc:"Only journals with a line on accounts of this code"`
	Subject string `query:"subject" maxLength:"200" doc:"Only accounts of this owner, with code"`
	Ref     string `query:"ref" maxLength:"200" doc:"Only journals of this operation and its reversal: the id of a sale or a debt, or the number of a sale's receipt"`
	Page
}

// Journals is the list of journals.
var Journals = Listing[JournalFilter, Journal]{Name: "journals", Path: "/v1/ledger/journals", Tag: "ledger",
	Summary:     "List journals with their lines, newest first",
	Description: "All journals, those of an account (code and subject), or those of an operation (ref)."}
