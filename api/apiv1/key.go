package apiv1

import "time"

// NewKey is an API key to create. It acts for the person who creates it.
type NewKey struct {
	Role      string     `json:"role" example:"operator" doc:"Role of the key. It must have no right that its creator lacks"`
	Name      string     `json:"name,omitempty" example:"till 3" doc:"Name of the key in the audit log"`
	Vendor    string     `json:"vendor,omitempty" example:"V001" doc:"Id or code of the vendor from whose float the key sells; only for the role vendor_api"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" example:"2027-11-20T00:00:00Z" doc:"When the key ends; without it the key does not end"`
	From      []string   `json:"from,omitempty" doc:"Addresses and networks from which the key may be used, such as 10.0.0.0/8; none: everywhere"`
}

// KeyRotation replaces an API key.
type KeyRotation struct {
	OverlapS *int64 `json:"overlap_s,omitempty" example:"86400" doc:"How long the old key goes on working, in seconds, 0 to 2592000. Default 86400"`
}

// Key is an API key. Only the first answer to the request that made it has its secret.
type Key struct {
	ID         string     `json:"id" example:"key_01jd00000000000000000000000" doc:"Id of the key"`
	Name       string     `json:"name" doc:"Name of the key in the audit log; may be empty"`
	Role       string     `json:"role" example:"operator" doc:"Role of the key"`
	Person     string     `json:"person,omitempty" doc:"Id of the person for whom the key acts; missing for a key of nobody"`
	Email      string     `json:"email,omitempty" example:"amina@example.org" doc:"E-mail address of that person"`
	Vendor     string     `json:"vendor,omitempty" doc:"Id of the vendor from whose float the key sells"`
	From       []string   `json:"from" doc:"Networks from which the key may be used; empty: everywhere"`
	State      string     `json:"state" enum:"works,stopped,expired,revoked" doc:"stopped: its person is blocked, or lacks one of its rights"`
	CreatedAt  time.Time  `json:"created_at" doc:"When the key was created"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"When the key ends; missing if it does not end"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"When the key was last used, to the hour; missing if never"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty" doc:"When the key was revoked; missing if it was not"`
	Secret     string     `json:"key,omitempty" doc:"The key itself; only in the first answer to the request that made it"`
	SecretGone string     `json:"key_missing,omitempty" doc:"Why the key itself is missing; only in the answer to a repeated request"`
}

// Keys is the list of API keys.
var Keys = Listing[Page, Key]{Name: "keys", Path: "/v1/keys", Tag: "keys", Summary: "List the API keys, without their secrets"}

// RevokedKey says which API key was revoked.
type RevokedKey struct {
	ID string `json:"id" example:"key_01jd00000000000000000000000" doc:"Id of the key"`
}
