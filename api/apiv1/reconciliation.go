package apiv1

import "time"

// StatementFile is a statement file of a payment provider that was uploaded.
type StatementFile struct {
	ID       string    `json:"id" example:"stf_01jd00000000000000000000000" doc:"Id"`
	Provider string    `json:"provider" example:"mpesa" doc:"Name of the provider"`
	Format   string    `json:"format" enum:"mpesa,camt053,mt940" doc:"Form of the file: M-Pesa's CSV, CAMT.053 or MT940"`
	From     time.Time `json:"from" doc:"Begin of the first day that it covers"`
	To       time.Time `json:"to" doc:"End of the last day that it covers"`
	Rows     int       `json:"rows" doc:"Booked rows"`
	NewRows  int       `json:"new_rows" doc:"Rows that no earlier file had"`
	// DoubtfulRows wait for a person.
	DoubtfulRows int        `json:"doubtful_rows" doc:"Rows that were perhaps the same as older ones when the file was read: each is a difference that waits for a person"`
	Skipped      int        `json:"skipped" doc:"Lines that are not booked, such as failed payments"`
	State        string     `json:"state" enum:"waiting,reading,read" doc:"waiting: for a second person; reading: its rows are being stored; read: all rows are stored"`
	UploadedBy   string     `json:"uploaded_by" doc:"Who uploaded it first"`
	UploadedAt   time.Time  `json:"uploaded_at" doc:"When it was uploaded first"`
	ReadAt       *time.Time `json:"read_at,omitempty" doc:"When all rows were stored"`
}

// StatementFileFilter says which statement files to list.
type StatementFileFilter struct {
	Provider string `query:"provider" maxLength:"64" doc:"Only those of the provider with this name"`
	Page
}

// StatementFiles is the list of statement files.
var StatementFiles = Listing[StatementFileFilter, StatementFile]{Name: "statement-files", Path: "/v1/statement-files", Tag: "payments", Summary: "List the statement files of payment providers, newest first"}

// Reconciliation is the comparison of a provider's statement, the payments and the books on one day.
type Reconciliation struct {
	ID              string     `json:"id" example:"rec_01jd00000000000000000000000" doc:"Id"`
	Provider        string     `json:"provider" example:"mpesa" doc:"Name of the provider"`
	Date            string     `json:"date" example:"2026-11-20" doc:"Local day"`
	State           string     `json:"state" enum:"waiting,open,closed" doc:"waiting: no statement covers the whole day yet; open: there are differences; closed: there was none, or all were settled"`
	OpenDifferences int        `json:"open_differences" doc:"Differences that are open now. A closed day stays as it was: what appears later is a new difference"`
	Rows            int        `json:"rows" doc:"Payments in the statement"`
	StatedMinor     int64      `json:"stated_minor" doc:"Their sum"`
	FeesMinor       int64      `json:"fees_minor" doc:"Fees in the statement, negative"`
	Payments        int        `json:"payments" doc:"Confirmed payments of the day. Close to midnight they may be those of the neighbouring day in the statement"`
	PaidMinor       int64      `json:"paid_minor" doc:"Their sum"`
	BookedMinor     int64      `json:"booked_minor" doc:"Sum of their journals"`
	Currency        string     `json:"currency,omitempty" example:"KES" doc:"Currency of the statement"`
	Unknown         []string   `json:"unknown,omitempty" doc:"What could not be compared: first-statement (no earlier statement of the account says how the day must begin), no-balances (the files have none), part-of-day (every file was uploaded before the end of the day, or ends within it)"`
	RanAt           time.Time  `json:"ran_at" doc:"When its figures last changed"`
	ClosedAt        *time.Time `json:"closed_at,omitempty" doc:"When it was closed"`
}

// ReconciliationFilter says which reconciliations to list.
type ReconciliationFilter struct {
	Provider string `query:"provider" maxLength:"64" doc:"Only those of the provider with this name"`
	Date     string `query:"date" maxLength:"10" doc:"Only those of this local day, as 2026-11-20"`
	Page
}

// Reconciliations is the list of reconciliations.
var Reconciliations = Listing[ReconciliationFilter, Reconciliation]{Name: "reconciliations", Path: "/v1/reconciliations", Tag: "payments", Summary: "List the reconciliations of providers, newest first"}

// Reconcile names a day to reconcile.
type Reconcile struct {
	Provider string `json:"provider" maxLength:"64" example:"mpesa" doc:"Name of the provider"`
	Date     string `json:"date" maxLength:"10" example:"2026-11-20" doc:"Local day that has ended"`
}

// Difference is one thing that does not agree in a reconciliation.
type Difference struct {
	ID          string     `json:"id" example:"dif_01jd00000000000000000000000" doc:"Id"`
	Provider    string     `json:"provider" example:"mpesa" doc:"Name of the provider"`
	Date        string     `json:"date" example:"2026-11-20" doc:"Local day"`
	Kind        string     `json:"kind" enum:"no-payment,not-in-statement,amount,currency,reversed,not-given-back,no-journal,journal-alone,journal-amount,twice,gap,fee,unreadable-call,perhaps-same,other-contents,sums,balance,contradiction" doc:"What does not agree; docs/guide/payments.md says what each means"`
	Act         string     `json:"act" enum:"check-payment,ask-provider,correct-amount,reverse-sale,give-back,verify,wait-for-statement,settle-fees,read-call,decide-row,check-rows" doc:"What to do, as a suggestion"`
	Owner       string     `json:"owner" example:"accountant" doc:"Who looks after it: a person, or at first a role"`
	Open        bool       `json:"open" doc:"Whether it is not settled"`
	ProviderTxn string     `json:"provider_txn,omitempty" doc:"The provider's own name for the payment or the row"`
	Payment     string     `json:"payment,omitempty" doc:"Id of the payment"`
	StatedMinor int64      `json:"stated_minor" doc:"Amount in the statement; of a gap the balance before the row; of a balance what the day's balances say that moved"`
	PaidMinor   int64      `json:"paid_minor" doc:"Amount of the payment; of a gap at the begin of a day the balance of the last statement; of sums and balances what the rows say that count"`
	BookedMinor int64      `json:"booked_minor" doc:"Amount of the journal"`
	Currency    string     `json:"currency,omitempty" doc:"Currency of the statement, or of the payment"`
	Count       int        `json:"count" doc:"1, or how many fees of the day it stands for"`
	Note        string     `json:"note,omitempty" doc:"State of the payment, or its currency; why a call could not be read; payer and reference of a row that waits; or the account"`
	At          time.Time  `json:"at" doc:"Time of the row, the payment, the journal or the call"`
	FoundAt     time.Time  `json:"found_at" doc:"When it was first found"`
	ClosedAt    *time.Time `json:"closed_at,omitempty" doc:"When it was settled"`
	ClosedBy    string     `json:"closed_by,omitempty" doc:"Who settled it: a person, or the program if the difference was gone"`
	Why         string     `json:"why,omitempty" doc:"Why it is settled"`
}

// DifferenceFilter says which differences to list.
type DifferenceFilter struct {
	Provider string `query:"provider" maxLength:"64" doc:"Only those of the provider with this name"`
	Date     string `query:"date" maxLength:"10" doc:"Only those of this local day, as 2026-11-20"`
	Kind     string `query:"kind" enum:"no-payment,not-in-statement,amount,currency,reversed,not-given-back,no-journal,journal-alone,journal-amount,twice,gap,fee,unreadable-call,perhaps-same,other-contents,sums,balance,contradiction" doc:"Only those of this kind"`
	Open     bool   `query:"open" doc:"Only those that are not settled"`
	Page
}

// Differences is the list of differences.
var Differences = Listing[DifferenceFilter, Difference]{Name: "differences", Path: "/v1/differences", Tag: "payments", Summary: "List differences of reconciliations, newest first"}

// CloseDifference says why a difference is settled.
type CloseDifference struct {
	Why            string `json:"why" maxLength:"300" example:"the provider has paid it back" doc:"Why; the audit log keeps it"`
	Payment        string `json:"payment,omitempty" maxLength:"64" example:"pay_01jd0000000000000000000000" doc:"Of a call that could not be read: id of the confirmed payment that it was about. Leave it out if no money was in it"`
	AnotherPayment bool   `json:"another_payment,omitempty" doc:"Of a row that is perhaps the same as an older one: it is another payment, and is taken as an uploaded file is. A second person must agree if the provider cannot be asked"`
}

// AssignDifference names who looks after a difference.
type AssignDifference struct {
	Owner string `json:"owner" maxLength:"100" example:"Amina" doc:"Who looks after it"`
}

// DifferenceCall is the call of a payment provider that could not be read.
type DifferenceCall struct {
	Difference string    `json:"difference" example:"dif_01jd0000000000000000000000" doc:"Id of the difference"`
	Provider   string    `json:"provider" example:"mpesa" doc:"Name of the provider"`
	What       string    `json:"what" example:"c" doc:"End of the address that the provider called"`
	From       string    `json:"from,omitempty" example:"196.201.214.200" doc:"IP address of the sender"`
	ReceivedAt time.Time `json:"received_at" doc:"When it arrived"`
	Why        string    `json:"why,omitempty" doc:"Why it could not be read"`
	Body       string    `json:"body" doc:"What the provider sent, as text"`
}
