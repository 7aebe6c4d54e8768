package apiv1

// List is one page of a list. NextCursor is empty on the last page.
type List[T any] struct {
	Data       []T    `json:"data" doc:"Rows of this page"`
	NextCursor string `json:"next_cursor" doc:"Cursor of the next page; empty on the last page"`
}

// Page asks for a part of a list: at most Limit rows (0 = the server's default of 50, at most 200) from Cursor, the
// NextCursor of the previous page.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"Rows per page, 50 by default"`
	Cursor string `query:"cursor" maxLength:"512" doc:"next_cursor of the previous page"`
	Table
}

// Paging returns the page that a filter asks for, so that one loop can follow any list.
func (p *Page) Paging() *Page { return p }

// Table asks for the format of a list. A [List] can only be decoded from JSON, the default.
type Table struct {
	Format string `query:"format" enum:"json,csv" doc:"csv for a table instead of JSON, like Accept: text/csv. The next page is then only in the header Link"`
}

// Listing describes a list of /v1: F is its filter and T the type of its rows. Fields of F with the tag path go into Path,
// those with the tag query into the query.
type Listing[F, T any] struct {
	Name        string // the operationId of the list in the OpenAPI document
	Path        string
	Tag         string
	Summary     string
	Description string
}
