package payment

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/reach"
)

// Provider is a payment provider as the utility set it up.
type Provider struct {
	ID         id.ID
	Name       string // small letters, digits and dashes; also the subject of its clearing account
	Kind       string // which adapter speaks to it
	PathHash   []byte // of the secret part of the address that it calls
	SealedPath []byte
	Config     []byte // JSON without secrets, for the adapter
	Sealed     []byte // secrets, for the adapter
	SecretBy   string // who typed the secrets; [ByServer] if the server drew them; empty before this was noted
	SealedOld  []byte // the secrets before these, and until when they prove a call too
	OldUntil   time.Time
	Single     money.Minor
	Daily      money.Minor
	DisabledAt time.Time
	AddedBy    string
	AddedAt    time.Time
	ListedTo   time.Time // up to when the provider's own list of payments was read; zero for never
	Version    int64
}

// Values of SecretBy that name no person.
const (
	ByServer = "server" // the server drew the secrets and showed them once
	byNobody = "nobody" // the server drew the secrets and showed them to nobody; they are drawn again when the provider is enabled
)

// Disabled reports whether the provider is no longer heard.
func (p Provider) Disabled() bool { return !p.DisabledAt.IsZero() }

// CallState is the state of a call.
type CallState string

// States of a call.
const (
	CallNew        CallState = "new"
	CallRead       CallState = "read"
	CallUnreadable CallState = "unreadable" // a person must look at it: it becomes a difference of a reconciliation
)

// Call is what a provider sent, before anything was understood.
type Call struct {
	ID         id.ID
	Provider   id.ID
	What       string // which of the provider's addresses it called
	Hash       []byte // of What and the body: the same call is stored once
	Sealed     []byte // an [Incoming] as JSON
	State      CallState
	Note       string
	ReceivedAt time.Time
	ReadAt     time.Time
	Difference id.ID // that names who looks after it, if it could not be read; zero for none
}

// Incoming is a request of a provider.
type Incoming struct {
	What   string
	Header map[string][]string // as in an http.Header
	Body   []byte
	From   string // IP address of the sender
	// Statement is set if the body holds rows of a statement, as notices in JSON: who answers for it. No request from outside sets it.
	Statement Proof `json:",omitempty"`
	// Contradicts is set if the body holds, as a notice in JSON, what contradicts the payment of this name. No request from outside sets it.
	Contradicts string `json:",omitempty"`
	At          time.Time
}

// NoticeKind says what a notice is about.
type NoticeKind string

// Kinds of notices.
const (
	Paid    NoticeKind = "paid"    // the provider took a payment
	Undone  NoticeKind = "undone"  // the provider gave a payment back, by a reversal or a chargeback
	Decided NoticeKind = "decided" // something became of a request; the provider is asked what. Only Request is set
	Replied NoticeKind = "replied" // the answer to an earlier question. Only Question and Answer are set
)

// Notice is one fact about a payment, as a provider states it.
type Notice struct {
	Kind      NoticeKind
	Txn       string // the provider's own name for the payment
	Raw       string `json:"-"` // the name as it came; only [Notice.folded] sets it
	Amount    money.Amount
	Reference string
	Payer     string
	PaidAt    time.Time
	Signed    bool // the provider's signature proves the notice
	// Request is our name or the provider's handle of the request that the payment answers; empty for a payment that nobody requested.
	Request string
	// Question is the name that [Answer.Question] gave to the question. The answer counts only if the server asked it.
	Question string
	Answer   Answer
	// Fetched says that the server got the notice from the provider itself, by a request of its own.
	Fetched bool `json:",omitempty"`
	// Whole says that an Undone notice counts only if the payment is known and no larger than the amount: it may be about a part.
	Whole bool
	// Agreed is the meter that a second person saw beside the row of a statement, or [NoMeterAgreed]. It is empty if nobody saw one.
	Agreed string    `json:",omitempty"`
	cameAt time.Time // when the call with the notice came; zero if it was in no call
}

// cameBefore reports whether the call with the notice came before a time.
func (n Notice) cameBefore(at time.Time) bool { return !n.cameAt.IsZero() && n.cameAt.Before(at) }

// NoMeterAgreed says that a second person saw no meter beside a row: a person is to decide about the payment.
const NoMeterAgreed = "none"

// agreedMeter returns the meter that a second person saw for a notice; empty if nobody saw one.
func (n Notice) agreedMeter(proof Proof) string {
	if proof != Stated || n.Agreed == NoMeterAgreed {
		return ""
	}
	return n.Agreed
}

// folded returns the notice with the one spelling of its payment's name.
func (n Notice) folded(r NameRule) Notice {
	n.Raw, n.Txn = n.Txn, r.Fold(n.Txn)
	return n
}

// moves reports whether the notice says that money moved.
func (n Notice) moves() bool { return n.Kind == Paid || n.Kind == Undone }

// proof returns what proves a notice: the statement that it comes from, or the provider's signature.
func (n Notice) proof(statement Proof) Proof {
	switch {
	case statement != Unproved:
		return statement
	case n.Signed:
		return Signed
	}
	return Unproved
}

// Outcome is what a provider says about a payment.
type Outcome string

// Outcomes. A payment whose answer is Unknown is asked about again.
const (
	Took    Outcome = "took"    // the provider took it
	Pending Outcome = "pending" // not decided yet
	Never   Outcome = "never"   // there is no such payment
	Back    Outcome = "back"    // the provider took it and gave it back
	Differs Outcome = "differs" // the answer is about other money; no adapter says so, see [Misfit]
)

// Answer is a provider's answer about a payment. What it leaves empty is as in the notice.
type Answer struct {
	Outcome Outcome
	Amount  money.Amount // for Took: what the provider took; it may differ from the notice
	// Part is, for Took, what the provider has given back of the amount; zero if it has given nothing back, or does not say.
	Part      money.Amount
	PaidAt    time.Time
	Reference string
	Payer     string // telephone number that paid, if the provider says it
	// Said has what the answer says, for the [AnswerRule] that judges it. An aspect may have several texts, which must all fit.
	Said map[Aspect][]string `json:",omitempty"`
	Why  string              `json:",omitempty"` // for Differs: what does not fit
	// Question is set with Pending if the provider calls with its answer later: the provider's name for the question, which nobody else knows.
	Question string
}

// Reply is the answer to a provider's call, in the provider's own form.
type Reply struct {
	Status      int
	ContentType string
	Body        []byte
}

// Setup is what an adapter is made from.
type Setup struct {
	Config  []byte // JSON without secrets
	Secrets []byte // JSON
	// Reach is which addresses the adapter may call.
	Reach reach.Reach
	// Address is the secret address that the provider calls, with a slash at its end. The adapter adds a short code of its own, which
	// arrives as [Incoming.What]. It is empty while the provider is being added, and if the server has no public address.
	Address string
}

// Adapter speaks the language of one provider. Only Ask reaches the network; the other methods are pure.
type Adapter interface {
	// Prove checks whatever the provider's own scheme proves about a call: a signature, a time, an address. A call that it refuses is not
	// stored.
	Prove(in Incoming) error
	// Read returns the facts in a call that Prove accepted. An error means that a person must look at the call.
	Read(in Incoming) ([]Notice, error)
	// Reply is the answer to a call that is stored.
	Reply(in Incoming) Reply
	// Rules says what the provider's names and answers are like.
	Rules() Rules
	// Asks reports whether the provider can be asked about its payments.
	Asks() bool
	// Ask asks the provider about a payment. An error means that there is no answer yet.
	Ask(ctx context.Context, p Payment) (Answer, error)
}

// Requester is an adapter whose provider can ask a customer to pay.
type Requester interface {
	Adapter
	// Repeats reports whether the same request may be sent again without asking the customer twice. If not, a request whose outcome is
	// unknown is only followed.
	Repeats() bool
	// OnPage reports whether the customer pays on a page that Request opens. If not, Request asks the customer's telephone.
	OnPage() bool
	// Request asks a customer to pay. An error means that nobody knows whether the customer was asked.
	Request(ctx context.Context, r Request) (RequestAnswer, error)
	// Follow asks the provider what became of a request.
	Follow(ctx context.Context, r Request) (RequestOutcome, error)
}

// Naming is a requester whose provider knows a request by a name that we choose. The name is stored before the request is sent, so that the
// request can be followed even if no answer arrives. A requester whose provider cannot list payments must be one, or a payment is lost when
// neither the answer nor the call arrives.
type Naming interface {
	Requester
	// HandleOf returns the provider's name of a request.
	HandleOf(r Request) string
}

// RefundAdapter is an adapter whose provider can be ordered to give a payment back.
type RefundAdapter interface {
	Adapter
	// Returns reports whether the configuration allows such orders.
	Returns() bool
	// GiveBack orders the provider to give a whole payment back, and returns why the provider did not take the order; empty if it did. An error
	// means that nobody knows. Only the answer to a question about the payment says that it went back.
	GiveBack(ctx context.Context, p Payment) (refused string, err error)
}

// Checker is an adapter whose provider asks whether it may take a payment.
type Checker interface {
	Adapter
	// Check returns the payment that a call asks about; false means that the call does not ask.
	Check(in Incoming) (Notice, bool)
	// Verdict is the answer to the call. The reason says why the payment would be parked; it is [NoReason] if it would not be, or if nobody
	// knows in time.
	Verdict(in Incoming, why Reason) Reply
}

// Registering is an adapter whose provider learns by a request which addresses to call.
type Registering interface {
	Adapter
	Register(ctx context.Context) error
}

// Request asks a customer to pay.
type Request struct {
	Name      string // our name for it, the same in every repetition
	Handle    string // the provider's name for it; empty before the provider has given one
	Amount    money.Amount
	Phone     string // international, "+" and digits
	Reference string // number of the meter, for the payer to see
	MadeAt    time.Time
}

// RequestAnswer is a provider's answer to a request.
type RequestAnswer struct {
	Handle  string
	Page    string // address of the page on which the customer pays; empty if a telephone asks
	Refused string // why the provider does not ask the customer; empty if it does
}

// RequestOutcome is what a provider says about a request.
type RequestOutcome struct {
	State  RequestState
	Paid   Notice // for RequestPaid
	Reason string // for RequestFailed, in the provider's words
}

// RequestState is the state of a request at the provider.
type RequestState string

// States of a request at the provider.
const (
	RequestOpen    RequestState = "open"
	RequestPaid    RequestState = "paid"
	RequestFailed  RequestState = "failed"  // the customer declined or could not pay
	RequestUnknown RequestState = "unknown" // the provider knows no such request
)

// Lister is an adapter whose provider lists what it took.
type Lister interface {
	Adapter
	// Back is how far back the provider lists.
	Back() time.Duration
	// List returns a page of what the provider took in a time; next is empty on the last page. The first page has the name "".
	List(ctx context.Context, from, to time.Time, page string) (paid []Notice, next string, err error)
}
