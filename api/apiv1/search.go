package apiv1

// SearchFilter says what to search for.
type SearchFilter struct {
	Text string `query:"q" maxLength:"64" required:"true" example:"amina" doc:"Words of a name or an address; a telephone number with or without the country; a meter number of 11, 13 or 18 digits, or its first digits; the number of a receipt; an id; all 20 digits of a token"`
	Table
}

// SearchHit is one thing that a search found.
type SearchHit struct {
	Kind   string `json:"kind" enum:"meter,customer,account,sale,receipt,token,person" doc:"What it is. receipt and token are sales that were found by the number of the receipt or by the digits of a token"`
	ID     string `json:"id" doc:"Its id; of the sale for a receipt"`
	Title  string `json:"title" doc:"What people call it: a meter number, a name, the number of a receipt"`
	Detail string `json:"detail" doc:"What tells it from others: a name and an address, an amount and a meter"`
}

// Search is the list of what a text may mean, the most likely first, at most 20. Everybody finds what they may see.
var Search = Listing[SearchFilter, SearchHit]{Name: "search", Path: "/v1/search", Tag: "search", Summary: "Find meters, customers, sales, tokens and people",
	Description: "Needs no right: everybody finds what they may see, at most 20 things, the most likely first. Nothing that is searched for is stored or logged."}
