package apiv1

// Customer is the person who lives behind a meter.
type Customer struct {
	ID    string `json:"id,omitempty" example:"cus_01jd00000000000000000000000" doc:"In a request: id of a customer who is on record already, instead of the other fields"`
	Name  string `json:"name,omitempty" example:"Amina A." doc:"Name of the customer"`
	Phone string `json:"phone,omitempty" example:"+254700000001" doc:"Telephone number with country code; tokens and warnings go there by SMS"`
	IDNo  string `json:"id_no,omitempty" doc:"Number of an identity document"`
	Lang  string `json:"lang,omitempty" example:"en" doc:"Language of the messages (default en): en; drafts that no native speaker has read: fr, sw, es, pt, ha"`
	// NoNotices is set only in answers. A request that registers a customer ignores it.
	NoNotices bool `json:"no_notices,omitempty" doc:"In an answer: true if the customer wants no warnings (STOP)"`
}

// CustomerEntry is a customer with the numbers of the meters.
type CustomerEntry struct {
	Customer
	Meters []string `json:"meters" doc:"Numbers of the customer's meters, at most ten"`
}

// NewCustomer is a customer to register.
type NewCustomer struct {
	Name  string `json:"name,omitempty" example:"Amina A." doc:"Name of the customer"`
	Phone string `json:"phone,omitempty" example:"+254700000001" doc:"Telephone number with country code"`
	IDNo  string `json:"id_no,omitempty" doc:"Number of an identity document"`
	Lang  string `json:"lang,omitempty" example:"en" doc:"Language of the messages"`
}

// CustomerChange is a change of a customer; nil fields stay.
type CustomerChange struct {
	Name      *string `json:"name,omitempty" doc:"Name of the customer"`
	EraseName bool    `json:"erase_name,omitempty" doc:"Erase the name for good, also from copies of earlier papers; an empty name without it is refused"`
	Phone     *string `json:"phone,omitempty" doc:"Telephone number with country code; tokens and balances by SMS go there"`
	IDNo      *string `json:"id_no,omitempty" doc:"Number of an identity document"`
	Lang      *string `json:"lang,omitempty" doc:"Language of the messages: en; drafts that no native speaker has read: fr, sw, es, pt, ha"`
	Notices   *bool   `json:"notices,omitempty" doc:"Whether the customer wants warnings; false has the effect of the SMS STOP"`
}

// CustomerFilter narrows the list of customers.
type CustomerFilter struct {
	Find string `query:"find" maxLength:"64" doc:"Only customers whose name, telephone or meter number contains this"`
	Page
}

// Customers is the list of customers.
var Customers = Listing[CustomerFilter, CustomerEntry]{Name: "customers", Path: "/v1/customers", Tag: "customers", Summary: "List customers"}
