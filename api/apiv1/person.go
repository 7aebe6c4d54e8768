package apiv1

import "time"

// NewPerson is a person to invite.
type NewPerson struct {
	Email  string `json:"email" example:"amina@example.org" doc:"E-mail address to sign in with"`
	Name   string `json:"name,omitempty" example:"Amina A." doc:"Name of the person"`
	Role   string `json:"role" example:"operator" doc:"Role of the person"`
	Vendor string `json:"vendor,omitempty" example:"V001" doc:"Id or code of the vendor whose float the person sells from; only for the role vendor_api"`
}

// PersonRole is another role for a person.
type PersonRole struct {
	Role   string `json:"role" example:"supervisor" doc:"New role of the person"`
	Vendor string `json:"vendor,omitempty" example:"V001" doc:"Id or code of the vendor whose float the person sells from; only for the role vendor_api"`
}

// Person is a person who signs in.
type Person struct {
	ID          string     `json:"id" example:"usr_01jd00000000000000000000000" doc:"Id of the person"`
	Email       string     `json:"email" example:"amina@example.org" doc:"E-mail address to sign in with"`
	Name        string     `json:"name" doc:"Name of the person; may be empty"`
	Role        string     `json:"role" example:"operator" doc:"Role of the person"`
	Vendor      string     `json:"vendor,omitempty" doc:"Id of the vendor whose float the person sells from; missing for a person of the utility"`
	State       string     `json:"state" enum:"invited,active,blocked" doc:"invited: has no password yet, or none since a reset"`
	Confirmed   bool       `json:"confirmed" doc:"Whether the person counts as a second person on their own"`
	CountsAs    []string   `json:"counts_as" doc:"Ids of those who invited, reset, unblocked or promoted the person since the last confirmation. Until the person is confirmed, none of them counts as a second person beside the person. unknown: somebody at the server's command line, or with a key that belongs to nobody"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty" doc:"When the person was last confirmed; missing if never"`
	InviteURL   string     `json:"invite_url,omitempty" doc:"Path of the one-time link on this server; shown only once, in the answer to an invitation or a reset. It works once, for 24 hours"`
	CreatedAt   time.Time  `json:"created_at" doc:"When the person was added"`
}

// People is the list of people.
var People = Listing[Page, Person]{Name: "people", Path: "/v1/people", Tag: "people", Summary: "List the people who sign in"}

// PersonChange is the body of a change that needs no details: an empty object.
type PersonChange struct{}

// Session is an open session of a person in the console.
type Session struct {
	ID        string    `json:"id" example:"ses_01jd00000000000000000000000" doc:"Id of the session; it does not sign in"`
	CreatedAt time.Time `json:"created_at" doc:"When the session began"`
	SeenAt    time.Time `json:"last_used_at" doc:"When the session was last used, to the minute"`
	Address   string    `json:"address" example:"192.0.2.7" doc:"Address from which the person signed in; empty for sessions of older versions"`
	Browser   string    `json:"browser" example:"Firefox, Linux" doc:"Browser and system, as the browser told them; may be empty"`
	Own       bool      `json:"own" doc:"Whether this is the session in which the list was requested; always false for an API key"`
}

// SessionFilter names the person whose sessions are listed.
type SessionFilter struct {
	Person string `path:"id" maxLength:"254" doc:"Id or e-mail address of the person"`
	Page
}

// Sessions is the list of a person's open sessions, the newest first.
var Sessions = Listing[SessionFilter, Session]{Name: "sessions", Path: "/v1/people/{id}/sessions", Tag: "people", Summary: "List the open sessions of a person",
	Description: "Everybody may list their own sessions; those of others need the right people.manage."}

// CounterDevice is a browser in which a person who sells for a vendor signs in with a PIN.
type CounterDevice struct {
	ID        string     `json:"id" example:"dev_01jd00000000000000000000000" doc:"Id of the device; it does not sign in"`
	Name      string     `json:"name" example:"Counter 1" doc:"Name that the person gave it"`
	CreatedAt time.Time  `json:"created_at" doc:"When the person registered it"`
	UsedAt    *time.Time `json:"last_used_at" doc:"When the person last signed in with the PIN; null for never"`
}

// DeviceFilter names the person whose devices are listed.
type DeviceFilter struct {
	Person string `path:"id" maxLength:"254" doc:"Id or e-mail address of the person"`
	Page
}

// CounterDevices is the list of a person's registered devices, the newest first.
var CounterDevices = Listing[DeviceFilter, CounterDevice]{Name: "counter-devices", Path: "/v1/people/{id}/devices", Tag: "people",
	Summary:     "List the devices on which a person signs in with a PIN",
	Description: "Everybody may list their own devices; those of others need the right people.manage. Revoked devices are not listed."}

// RevokedDevice says whose device was revoked.
type RevokedDevice struct {
	ID     string `json:"id" example:"dev_01jd00000000000000000000000" doc:"Id of the device"`
	Person string `json:"person" example:"usr_01jd00000000000000000000000" doc:"Id of the person"`
	Email  string `json:"email" example:"amina@example.org" doc:"E-mail address of the person"`
}

// EndedSessions says whose sessions were ended.
type EndedSessions struct {
	Person string `json:"person" example:"usr_01jd00000000000000000000000" doc:"Id of the person"`
	Email  string `json:"email" example:"amina@example.org" doc:"E-mail address of the person"`
	Ended  int    `json:"ended" doc:"Number of sessions that were open"`
}

// NewOwn is a meter or a telephone that a person records as their own.
type NewOwn struct {
	Kind   string `json:"kind" enum:"meter,phone" example:"meter" doc:"What it is"`
	Number string `json:"number" example:"04140001019" doc:"Number of the meter, or telephone number with its country code"`
}

// Own is a meter or a telephone that a person has recorded as their own, or that somebody has recorded for the person.
type Own struct {
	ID         string     `json:"id" example:"own_01jd00000000000000000000000" doc:"Id of the record"`
	Person     string     `json:"person" example:"usr_01jd00000000000000000000000" doc:"Id of the person"`
	Kind       string     `json:"kind" enum:"meter,phone" doc:"What it is"`
	Number     string     `json:"number" example:"04140001019" doc:"Number of the meter, or telephone number"`
	RecordedBy string     `json:"recorded_by" example:"person amina@example.org" doc:"Who recorded it"`
	CreatedAt  time.Time  `json:"created_at" doc:"When it was recorded"`
	EndedBy    string     `json:"ended_by,omitempty" doc:"Who ended the record; missing while it counts"`
	EndedAt    *time.Time `json:"ended_at,omitempty" doc:"When the record was ended; it counts for 90 days longer"`
}

// OwnFilter names the person whose records are listed.
type OwnFilter struct {
	Person string `path:"id" maxLength:"254" doc:"Id or e-mail address of the person"`
	Page
}

// Owns is the list of a person's own meters and telephones, in the order in which they were recorded.
var Owns = Listing[OwnFilter, Own]{Name: "own", Path: "/v1/people/{id}/own", Tag: "people", Summary: "List a person's own meters and telephones",
	Description: "Everybody may list their own records; those of others need the right people.manage. Records that ended are listed too."}
