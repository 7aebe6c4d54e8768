package apiv1

import "time"

// ImportResult is what became of one row of a file. Password and LinkKey come only with the call that registered the meter.
type ImportResult struct {
	Row      int    `json:"row" example:"2" doc:"Line of the file, from 1; in a workbook, the number of the row"`
	State    string `json:"state" enum:"ok,error,duplicate,undone,waiting" doc:"What became of the row; duplicate: it was imported or registered before; waiting: for a second person"`
	Code     string `json:"code,omitempty" example:"meter-number-invalid" doc:"Code of the rule that refused the row"`
	Detail   string `json:"detail,omitempty" doc:"What is wrong, and what to do"`
	Object   string `json:"object,omitempty" doc:"Id of what the row made: a meter, a customer, a debt, or the journal of a balance"`
	Password string `json:"mqtt_password,omitempty" doc:"MQTT password of a meter; shown only once"`
	LinkKey  string `json:"link_key,omitempty" doc:"Link key of a meter, in hex; shown only once"`
}

// ImportTotals counts the rows of an import by state.
type ImportTotals struct {
	OK        int `json:"ok" doc:"Rows that were imported, or in a dry run would be"`
	Error     int `json:"error" doc:"Rows that were refused"`
	Duplicate int `json:"duplicate" doc:"Rows that were imported or registered before"`
	Undone    int `json:"undone" doc:"Rows that were undone"`
	Waiting   int `json:"waiting" doc:"Rows that wait for a second person"`
}

// ImportSummary is a file that was imported, without its rows.
type ImportSummary struct {
	ID        string     `json:"id" example:"imp_01jd00000000000000000000000" doc:"Id of the import; empty for a dry run"`
	Kind      string     `json:"kind" enum:"meters,customers,debts,balances,tariffs" doc:"What the rows are. tariffs: other tariffs for meters"`
	By        string     `json:"by" doc:"Who imported it"`
	Lines     int        `json:"lines" doc:"Number of rows in the file"`
	CreatedAt time.Time  `json:"created_at" doc:"When it began"`
	DoneAt    *time.Time `json:"done_at,omitempty" doc:"When the last row had a result; missing: send the file again to go on"`
	UndoneAt  *time.Time `json:"undone_at,omitempty" doc:"When it was undone"`
}

// ImportHidden is what a workbook hides from whoever opens it.
type ImportHidden struct {
	Sheet    bool     `json:"sheet,omitempty" doc:"The sheet that was read is hidden; the call names it"`
	Sheets   []string `json:"sheets,omitempty" doc:"Hidden sheets that were not read"`
	RowCount int      `json:"row_count" doc:"Number of hidden rows with values, also of those that a filter hides"`
	Rows     []int    `json:"rows,omitempty" doc:"Their numbers; they are imported like all others, but only with hidden=true"`
	Columns  []string `json:"columns,omitempty" example:"[\"B (amount)\"]" doc:"Hidden columns with values: the letter, and the heading"`
}

// Import is a file that was imported.
type Import struct {
	ImportSummary
	Totals  ImportTotals   `json:"totals" doc:"Rows by state"`
	Total   *Amount        `json:"total,omitempty" doc:"Money of all rows that were imported or would be; only of debts and balances"`
	Waits   string         `json:"approval,omitempty" doc:"Id of the approval that the file waits for"`
	Rows    []ImportResult `json:"rows" doc:"Result of each row"`
	Ignored []string       `json:"ignored,omitempty" doc:"Headings of columns that mean nothing to the import"`
	Sheet   string         `json:"sheet,omitempty" example:"Meters" doc:"Sheet of the workbook that was read; only with the call that sends the file"`
	Others  []string       `json:"other_sheets,omitempty" doc:"Visible sheets of the workbook that were not read, because the call names another one"`
	Hidden  *ImportHidden  `json:"hidden,omitempty" doc:"What the workbook hides; only with the call that sends the file"`
	Old     string         `json:"read_as_windows_1252,omitempty" doc:"A value of a CSV file that is not Unicode, so that its letters were read as Windows-1252; check whether it is right"`
}

// ImportNothing is the body of undoing an import; it has no fields.
type ImportNothing struct{}

// Imports is the list of imports.
var Imports = Listing[Page, ImportSummary]{Name: "imports", Path: "/v1/imports", Tag: "imports", Summary: "List imports, newest first"}
