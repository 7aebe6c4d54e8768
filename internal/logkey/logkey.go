// Package logkey names the fields of log lines, so that a field has the same name in every package. A log line is a constant message in the
// past tense with fields from this list. Token digits and keys are never a field; their types mask themselves.
package logkey

// Field names of log/slog attributes.
const (
	Meter     = "meter"      // the meter number
	Seq       = "seq"        // a meter's record number
	Memory    = "store"      // the device memory in which a meter numbers its records
	Kind      = "kind"       // kind of a record, a job or an outbox item
	Count     = "count"      // a number of objects
	Expected  = "expected"   // how many objects there should be
	TokenID   = "token_id"   // identity of a token, never its digits
	VendID    = "vend_id"    // identity of a sale
	CommandID = "command_id" // identity of a command
	Tenant    = "tenant"     // dense number of the tenant
	Actor     = "actor"      // who acted, as in the audit log
	Role      = "role"       // role of the actor
	Code      = "code"       // code of a refusal
	Reason    = "reason"     // the reason, in words
	Until     = "until"      // when it ends
	RequestID = "request_id" // identity of an HTTP request
	Method    = "method"     // HTTP method
	Route     = "route"      // HTTP route pattern, not the path; or the name of a route for messages
	Status    = "status"     // HTTP status
	Serial    = "serial"     // serial number of a certificate
	Remote    = "remote"     // network address of the other side
	Listen    = "listen"     // network address of a listener
	Device    = "device"     // name of an unmodified device
	Path      = "path"       // file or folder
	Took      = "took"       // duration
	Apart     = "apart"      // how far one clock is ahead of another
	Job       = "job"        // name of a periodic job
	Lane      = "lane"       // lane of the outbox or the store
	Message   = "message"    // a message to or from a telephone, without its text
	Attempts  = "attempts"   // number of tries
	State     = "state"      // state of a meter, a command, a part
	Version   = "version"    // version of the program or of a document
	Err       = "err"        // an error
)
