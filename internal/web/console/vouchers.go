package console

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/internal/words"
)

// vouchersPath is the list of batches of vouchers. The page of one is below it.
const vouchersPath = "/vouchers"

// batchLine is a batch of vouchers as pages show it.
type batchLine struct {
	ID, Number, Face, Ends, Note          string
	Count, Unsold, Active, Redeemed, Over string
	State                                 badge
}

func (l batchLine) path() string { return vouchersPath + "/" + l.ID }

// newBatchForm is a batch to make, as somebody typed it.
type newBatchForm struct {
	Value, Count, Expires, Note string
	RequiresCode                bool
}

func (f newBatchForm) command() string {
	value := "VALUE"
	if f.Value != "" {
		value = shellWord(f.Value)
	}
	if f.RequiresCode {
		value += " --requires-code"
	}
	return commandLine("paywatt voucher make "+value, "--count", f.Count, "--expires", f.Expires, "--note", f.Note)
}

// vouchersPage is the list of batches, with the form that makes one.
type vouchersPage struct {
	Rows          []batchLine
	Next          string
	FormID, Error string
	Makes         bool
	SignIn        string // address to sign in again; empty if the proof of identity is fresh enough
	Make          newBatchForm
}

// batchPage is one batch with what can be done with it.
type batchPage struct {
	batchLine
	First, Last, Made, Taken, Owed string
	FormID, Error, Notice, SignIn  string
	With                           string // what redeems a voucher
	MayTake, MaySell, MayEnd       bool
	MayShowCodes, MayReissue       bool
	From, To, Reason               string // as typed
	Price, Range                   string // of the vouchers that a clerk is about to sell; empty before
	PINs                           []voucher.Printed
}

// Acts of the forms on a batch's page.
const (
	actTakePINs = "pins"
	actSellThem = "sell"
	actEndThem  = "end"
	actReissue  = "reissue"
)

// codesPath is the page of the codes of a batch's vouchers.
func (l batchLine) codesPath() string { return l.path() + "/codes" }

// codesPage shows codes of vouchers to the one who may see them.
type codesPage struct {
	Notice, Batch, Number, Download string
	Codes                           []voucher.Coded
}

// codes shows the codes of a range after its sale or their new issue, and again for another copy of the receipt: as a page, or as a file.
func (s *Console) codes(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	shown, err := s.c.Vouchers.Show(r.Context(), v.by, r.PathValue("batch"))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	within, no := rangeOf(shown.Batch, strings.TrimSpace(q.Get("from")), strings.TrimSpace(q.Get("to")))
	list := voucher.CodeList{Refusal: no}
	if !no.Refused() {
		list, err = s.c.Vouchers.Codes(r.Context(), v.by, voucher.OnRange{Batch: shown.Batch.Name(), Range: within})
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case list.Refused():
		s.showBatch(w, r, v, http.StatusUnprocessableEntity, batchPage{Error: v.site.say.Refusal(list.Refusal).Detail()})
	case q.Get("format") == "csv":
		s.codesFile(w, r, v, list)
	default:
		line := s.batchLine(v.site, shown)
		f := codesPage{Batch: line.path(), Number: line.Number, Codes: list.Codes, Download: codesAt(list.Batch, within, "format", "csv")}
		if q.Get("done") == actSellThem {
			f.Notice = v.site.say.VouchersSold()
		}
		s.show(w, r, http.StatusOK, codesView(s.page(r, v, v.site.say.VouchersCodes(f.Number)), f))
	}
}

// codesAt is the address of the codes of a range.
func codesAt(b voucher.Batch, of voucher.Range, name, value string) string {
	q := url.Values{"from": {b.Serial(of.From)}, "to": {b.Serial(of.To)}, name: {value}}
	return (&url.URL{Path: vouchersPath + "/" + b.Name() + "/codes", RawQuery: q.Encode()}).String()
}

// codesFile answers with codes as a file, for a reseller.
func (s *Console) codesFile(w http.ResponseWriter, r *http.Request, v visit, list voucher.CodeList) {
	file := &exportFile{ResponseWriter: w, name: "paywatt-codes-" + list.Batch.Serial(list.Range.From) + ".csv"}
	out := sheet.NewWriter(file)
	err := out.Write([]string{"serial", "code"})
	for _, c := range list.Codes {
		err = errors.Join(err, out.Write([]string{c.Serial, c.Code.Reveal()}))
	}
	out.Flush()
	if err = errors.Join(err, out.Error()); err != nil && !access.ClientGone(r.Context(), err) {
		s.c.Log.Warn("codes of vouchers not written to their end", logkey.Err, err)
	}
}

// vouchers lists the batches.
func (s *Console) vouchers(w http.ResponseWriter, r *http.Request, v visit) {
	s.showVouchers(w, r, v, http.StatusOK, vouchersPage{})
}

func (s *Console) showVouchers(w http.ResponseWriter, r *http.Request, v visit, status int, d vouchersPage) {
	list, err := s.c.Vouchers.List(r.Context(), v.by, registry.Page{Limit: pageSize, Cursor: r.URL.Query().Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, b := range list.Batches {
		d.Rows = append(d.Rows, s.batchLine(v.site, b))
	}
	d.Next = nextPage(vouchersPath, r.URL.Query(), list.Next)
	no := v.by.Needs(access.DecidePayments)
	d.Makes, d.SignIn = v.by.OfUtility() && !no.Refused(), signInAgain(no, vouchersPath)
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, vouchersView(s.page(r, v, v.site.say.VouchersTitle()), d))
}

func (s *Console) batchLine(t site, shown voucher.View) batchLine {
	b, n, count := shown.Batch, shown.Counts, func(n int64) string { return strconv.FormatInt(n, 10) }
	return batchLine{ID: b.Name(), Number: count(b.Number), Face: t.say.Sum(b.Face), Ends: t.clock(b.EndsAt), Note: b.Note, Count: count(b.Count), Unsold: count(n.Made),
		Active: count(n.Active), Redeemed: count(n.Redeemed), Over: count(n.Cancelled + n.Ended), State: batchBadge(t.say, b, n, !b.EndsAt.After(s.c.Now()))}
}

// batchBadge says what a batch still needs.
func batchBadge(t *words.Texts, b voucher.Batch, n voucher.Counts, expired bool) badge {
	switch {
	case !b.Taken() && expired, b.Taken() && n.Made+n.Active == 0:
		return badge{"✓", t.VouchersStateDone(), classOff}
	case !b.Taken():
		return badge{"…", t.VouchersStateNew(), classOff}
	case expired:
		return badge{"▲", t.VouchersStateExpired(), classWarn}
	case n.Made > 0:
		return badge{"●", t.VouchersStateForSale(), classOK}
	}
	return badge{"✓", t.VouchersStateSold(), classOK}
}

// makeBatch makes a batch, or asks a second person for it.
func (s *Console) makeBatch(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f := newBatchForm{field("value"), field("count"), field("expires"), field("note"), field("requires-code") != ""}
	to, no, err := s.newBatch(r, v, f)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		s.showVouchers(w, r, v, http.StatusUnprocessableEntity, vouchersPage{Make: f, Error: v.site.say.Refusal(no).Detail()})
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

func (s *Console) newBatch(r *http.Request, v visit, f newBatchForm) (to string, no refusal.Refusal, err error) {
	if !v.owns(r.PostFormValue("form")) {
		return "", refuse.OfficeFormOfOtherSession(), nil
	}
	face, no := v.site.tender(f.Value)
	if no.Refused() {
		return "", no, nil
	}
	count, wrong := strconv.ParseInt(f.Count, 10, 64)
	if wrong != nil {
		count = 0 // the batch says how many it can have
	}
	return wentTo(s.c.Vouchers.Make(r.Context(), v.by, voucher.NewBatch{Act: v.voucherAct(r, "made"), Count: count, Face: face.Minor, Expires: f.Expires, Note: f.Note,
		RequiresCode: f.RequiresCode}))
}

// voucherAct is the request of a form about vouchers. Its answer leads to the page of the batch, of the codes that it issued, or of the approval that it
// waits for.
func (v visit) voucherAct(r *http.Request, done string) voucher.Act {
	return voucher.Act{Request: v.requestOf(r), RenderWaits: waitsAt, Render: func(x voucher.View) (int, []byte) {
		if len(x.Codes) > 0 {
			return http.StatusSeeOther, []byte(codesAt(x.Batch, x.Issued, "done", done))
		}
		return http.StatusSeeOther, []byte((&url.URL{Path: vouchersPath + "/" + x.Batch.Name(), RawQuery: "done=" + done}).String())
	}}
}

// wentTo returns the page to which the answer of an act leads.
func wentTo(out once.Done[voucher.View], err error) (to string, no refusal.Refusal, _ error) {
	if out.Replay != nil {
		out.Reply = *out.Replay
	}
	return string(out.Reply.Body), out.Refusal, err
}

// batch shows one batch. If the address names a range, the page asks whether to sell it.
func (s *Console) batch(w http.ResponseWriter, r *http.Request, v visit) {
	t, q := v.site.say, r.URL.Query()
	f := batchPage{From: strings.TrimSpace(q.Get("from")), To: strings.TrimSpace(q.Get("to"))}
	switch q.Get("done") {
	case "made":
		f.Notice = t.VouchersMade()
	case actSellThem:
		f.Notice = t.VouchersSold()
	case actEndThem:
		f.Notice = t.VouchersEnded()
	}
	s.showBatch(w, r, v, http.StatusOK, f)
}

// showBatch shows one batch; f has what somebody typed, or what was just done.
func (s *Console) showBatch(w http.ResponseWriter, r *http.Request, v visit, status int, f batchPage) {
	shown, err := s.c.Vouchers.Show(r.Context(), v.by, r.PathValue("batch"))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	b, n := shown.Batch, shown.Counts
	f.batchLine, f.First, f.Last = s.batchLine(v.site, shown), b.Serial(1), b.Serial(b.Count)
	f.Owed = v.site.say.Sum(money.Amount{Minor: b.Face.Minor * money.Minor(n.Active), Currency: b.Face.Currency})
	f.Made = v.site.say.VouchersBy(v.site.clock(b.MadeAt), v.site.actor(b.MadeBy))
	if b.Taken() {
		f.Taken = v.site.say.VouchersBy(v.site.clock(b.TakenAt), v.site.actor(b.TakenBy))
	}
	if f.With = v.site.say.VouchersWithPin(); b.RequiresCode {
		f.With = v.site.say.VouchersWithCode()
		f.MayShowCodes = v.by.May(access.Sell) && n.Active > 0
	}
	expired := !b.EndsAt.After(s.c.Now())
	if no := v.by.Needs(access.DecidePayments); no.Refused() {
		f.SignIn = signInAgain(no, f.path())
	} else if v.by.OfUtility() {
		f.MayTake, f.MayEnd = !b.Taken() && !expired, b.Taken() && n.Made+n.Active > 0
		f.MayReissue = b.RequiresCode && n.Active > 0
	}
	f.MaySell = v.by.May(access.Sell) && b.Taken() && !expired && n.Made > 0
	if f.MaySell && f.Error == "" && (f.From != "" || f.To != "") {
		if x, no := rangeOf(b, f.From, f.To); no.Refused() {
			f.Error, status = v.site.say.Refusal(no).Detail(), http.StatusUnprocessableEntity
		} else {
			f.From, f.To, f.Range = strconv.FormatInt(x.From, 10), strconv.FormatInt(x.To, 10), v.site.say.VouchersRange(b.Serial(x.From), b.Serial(x.To))
			f.Price = v.site.say.Sum(money.Amount{Minor: b.Face.Minor * money.Minor(x.To-x.From+1), Currency: b.Face.Currency})
		}
	}
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, batchView(s.page(r, v, v.site.say.VouchersBatch(f.Number)), f))
}

// rangeOf reads the ends of a range: serial numbers, or only their last parts.
func rangeOf(b voucher.Batch, from, to string) (x voucher.Range, no refusal.Refusal) {
	wrong := refuse.VoucherRangeWrong(b.Serial(1), b.Serial(b.Count))
	for _, end := range []struct {
		text string
		n    *int64
	}{{from, &x.From}, {to, &x.To}} {
		batch, last, whole := strings.Cut(end.text, "-")
		if !whole {
			batch, last = strconv.FormatInt(b.Number, 10), end.text
		}
		var err error
		if *end.n, err = strconv.ParseInt(last, 10, 64); err != nil || batch != strconv.FormatInt(b.Number, 10) || *end.n < 1 || *end.n > b.Count {
			return voucher.Range{}, wrong
		}
	}
	if x.From > x.To {
		return voucher.Range{}, wrong
	}
	return x, no
}

// changeBatch does what a form on the page of a batch asks for.
func (s *Console) changeBatch(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	if field("act") == actTakePINs {
		s.takePINs(w, r, v)
		return
	}
	f := batchPage{From: field("from"), To: field("to"), Reason: field("reason")}
	to, no, err := s.moveVouchers(r, v, field("act"), f)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		f.Error = v.site.say.Refusal(no).Detail()
		s.showBatch(w, r, v, http.StatusUnprocessableEntity, f)
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// moveVouchers sells or ends the vouchers that a form names.
func (s *Console) moveVouchers(r *http.Request, v visit, act string, f batchPage) (to string, no refusal.Refusal, err error) {
	if !v.owns(r.PostFormValue("form")) {
		return "", refuse.OfficeFormOfOtherSession(), nil
	}
	do := s.c.Vouchers.Sell
	switch act {
	case actSellThem:
	case actEndThem:
		do = s.c.Vouchers.End
	case actReissue:
		do = s.c.Vouchers.Reissue
	default:
		return "", refuse.ServiceActUnknown(refusal.Echo(act)), nil
	}
	shown, err := s.c.Vouchers.Show(r.Context(), v.by, r.PathValue("batch"))
	if err != nil || shown.Refused() {
		return "", shown.Refusal, err
	}
	o := voucher.OnRange{Act: v.voucherAct(r, act), Batch: shown.Batch.Name(), Reason: f.Reason}
	if act != actEndThem || f.From != "" || f.To != "" { // only an end may name the whole batch by naming no range
		if o.Range, no = rangeOf(shown.Batch, f.From, f.To); no.Refused() {
			return "", no, nil
		}
	}
	return wentTo(do(r.Context(), v.by, o))
}

// takePINs makes the PINs of a batch and shows them, once.
func (s *Console) takePINs(w http.ResponseWriter, r *http.Request, v visit) {
	sheet, err := voucher.Sheet{Refusal: refuse.OfficeFormOfOtherSession()}, error(nil)
	if v.owns(r.PostFormValue("form")) {
		sheet, err = s.c.Vouchers.Print(r.Context(), v.by, r.PathValue("batch"))
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case sheet.Refused():
		s.showBatch(w, r, v, http.StatusUnprocessableEntity, batchPage{Error: v.site.say.Refusal(sheet.Refusal).Detail()})
	default:
		s.showBatch(w, r, v, http.StatusCreated, batchPage{PINs: sheet.Vouchers})
	}
}
