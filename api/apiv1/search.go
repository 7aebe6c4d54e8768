package apiv1

// SearchHits are what a text may mean, the most likely first.
type SearchHits struct {
	Data []SearchHit `json:"data" doc:"At most 20 things, the most likely first"`
}

// SearchHit is one thing that a search found.
type SearchHit struct {
	Kind   string `json:"kind" enum:"meter,customer,account,sale,receipt,token,person,payment" doc:"What it is. receipt and token are sales that were found by the number of the receipt or by the digits of a token"`
	ID     string `json:"id" doc:"Its id; of the sale for a receipt"`
	Title  string `json:"title" doc:"What people call it: a meter number, a name, the number of a receipt"`
	Detail string `json:"detail" doc:"What tells it from others: a name and an address, an amount and a meter"`
}
