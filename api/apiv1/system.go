package apiv1

import "time"

// Version is the version of the running server.
type Version struct {
	Version string `json:"version" example:"1.2.0" doc:"Version of Paywatt"`
	Commit  string `json:"commit,omitempty" doc:"Commit that it was built from"`
	Go      string `json:"go" example:"go1.26.0" doc:"Version of Go that it was built with"`
}

// Live is the answer of /livez.
type Live struct {
	Live bool `json:"live" doc:"Always true"`
}

// Ready is the answer of /readyz if everything is in order.
type Ready struct {
	Ready bool `json:"ready" doc:"Always true; a server that is not ready answers with a problem"`
}

// Clock is the server's clock.
type Clock struct {
	Now     time.Time `json:"now" doc:"Server time"`
	Trusted bool      `json:"trusted" doc:"false: the server doubts its clock, and refuses sales"`
}

// ClockTrust confirms that the server's clock is right.
type ClockTrust struct {
	Reason string `json:"reason" maxLength:"200" doc:"Why the clock is right; written to the audit log"`
}

// Head is a signed head of the sealed log.
type Head struct {
	Size      int64  `json:"size" doc:"Leaves in the log"`
	Note      string `json:"note" doc:"Signed text, with its signature"`
	PublicKey string `json:"public_key" doc:"Public key that signed it. Whoever can change the answer can change this too, so compare it with the key that the utility has published"`
	Since     int64  `json:"since,omitempty" doc:"Size of the older head from which the log has grown to this one"`
	File      string `json:"file" doc:"The head as a file to store, for paywatt verify --head"`
}
