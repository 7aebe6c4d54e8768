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
	Ready    bool      `json:"ready" doc:"Always true; a server that is not ready answers with a problem"`
	Standbys *Standbys `json:"standbys,omitempty" doc:"Standbys of the database; missing if it has none and none are expected"`
}

// Standbys says which standbys follow the database.
type Standbys struct {
	Safety      string    `json:"safety" enum:"full,reduced,stopped" doc:"full: all that are expected follow; reduced: fewer follow, sales go on, and the next loss may end them; stopped: no synchronous standby follows, so nothing can be stored"`
	Expected    int       `json:"expected" example:"2" doc:"How many should follow: the setting standbys, or as many as have followed at once"`
	Following   int       `json:"following" example:"2" doc:"How many receive every change as it is written"`
	Synchronous int       `json:"synchronous" example:"1" doc:"For how many of these a commit may wait"`
	LagBytes    int64     `json:"lag_bytes" example:"0" doc:"Bytes of the log that the slowest of those that follow does not have on its disk yet"`
	Timeline    int64     `json:"timeline" example:"3" doc:"PostgreSQL's timeline of the primary. Each promotion raises it, and a standby that has left it cannot follow"`
	Hidden      bool      `json:"hidden,omitempty" doc:"The role of this server may not read the state of standbys, so it only counts connections: grant it pg_monitor"`
	At          time.Time `json:"at" doc:"When this was read"`
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
