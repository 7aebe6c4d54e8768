package provider

import (
	"encoding/xml"
	"fmt"
	"time"
)

// The parts of a CAMT.053 statement (ISO 20022) that banks fill in for a payment.
type (
	camtAmount struct {
		Currency string `xml:"Ccy,attr"`
		Value    string `xml:",chardata"`
	}
	camtBalance struct {
		Code   string     `xml:"Tp>CdOrPrtry>Cd"`
		Amount camtAmount `xml:"Amt"`
		Sign   string     `xml:"CdtDbtInd"`
		Day    string     `xml:"Dt>Dt"`
	}
	camtStatus struct {
		Text string `xml:",chardata"`
		Code string `xml:"Cd,omitempty"`
	}
	camtDetails struct {
		EndToEnd  string     `xml:"Refs>EndToEndId"`
		Bank      string     `xml:"Refs>AcctSvcrRef,omitempty"`
		Amount    camtAmount `xml:"AmtDtls>TxAmt>Amt"`
		Payer     string     `xml:"RltdPties>Dbtr>Nm,omitempty"`
		Reference string     `xml:"RmtInf>Ustrd,omitempty"`
	}
	camtEntry struct {
		Amount   camtAmount    `xml:"Amt"`
		Sign     string        `xml:"CdtDbtInd"`
		Reversal string        `xml:"RvslInd,omitempty"`
		Status   camtStatus    `xml:"Sts"`
		Booked   string        `xml:"BookgDt>DtTm"`
		Value    string        `xml:"ValDt>Dt"`
		Bank     string        `xml:"AcctSvcrRef,omitempty"`
		Kind     string        `xml:"BkTxCd>Prtry>Cd"`
		Details  []camtDetails `xml:"NtryDtls>TxDtls"`
	}
	camtStatement struct {
		ID       string        `xml:"Id"`
		Made     string        `xml:"CreDtTm"`
		From     string        `xml:"FrToDt>FrDtTm"`
		To       string        `xml:"FrToDt>ToDtTm"`
		Account  string        `xml:"Acct>Id>Othr>Id"`
		Currency string        `xml:"Acct>Ccy"`
		Balances []camtBalance `xml:"Bal"`
		Entries  []camtEntry   `xml:"Ntry"`
	}
	camtDocument struct {
		XMLName   xml.Name      `xml:"Document"`
		Space     string        `xml:"xmlns,attr"`
		ID        string        `xml:"BkToCstmrStmt>GrpHdr>MsgId"`
		Made      string        `xml:"BkToCstmrStmt>GrpHdr>CreDtTm"`
		Statement camtStatement `xml:"BkToCstmrStmt>Stmt"`
	}
)

const (
	camtTime = "2006-01-02T15:04:05-07:00"
	credit   = "CRDT"
	debit    = "DBIT"
)

// camt writes the statement as CAMT.053.
func (p period) camt(now time.Time, o StatementOptions) ([]byte, error) {
	version := "02"
	if o.Newer {
		version = "08"
	}
	id := "STMT-" + string(p.provider) + "-" + p.day.Format("20060102")
	doc := camtDocument{Space: "urn:iso:std:iso:20022:tech:xsd:camt.053.001." + version, ID: id, Made: now.In(nairobi()).Format(camtTime),
		Statement: camtStatement{ID: id, Made: now.In(nairobi()).Format(camtTime), From: p.day.Format(camtTime), To: p.day.AddDate(0, 0, 1).Add(-time.Second).Format(camtTime),
			Account: p.account, Currency: p.currency, Balances: []camtBalance{p.camtBalance("OPBD", p.opening), p.camtBalance("CLBD", p.closing)}}}
	batch := -1
	for _, e := range p.entries {
		one := p.camtEntry(e, o)
		switch {
		case !o.Batch || e.Kind != EntryPayment:
			doc.Statement.Entries = append(doc.Statement.Entries, one)
		case batch < 0:
			batch = len(doc.Statement.Entries)
			one.Bank = "BATCH-" + p.day.Format("20060102")
			doc.Statement.Entries = append(doc.Statement.Entries, one)
		default:
			all := &doc.Statement.Entries[batch]
			sum, err := minor(all.Amount.Value, p.currency)
			if err != nil {
				return nil, err
			}
			all.Amount.Value = major(sum+e.Amount, p.currency)
			all.Details = append(all.Details, one.Details...)
		}
	}
	if o.Extras {
		doc.Statement.Entries = append(doc.Statement.Entries, p.pending(o))
	}
	out, err := xml.MarshalIndent(doc, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the statement: %w", err)
	}
	return append([]byte(xml.Header), append(out, '\n')...), nil
}

// pending is an entry that the bank has not booked: it is in no balance.
func (p period) pending(o StatementOptions) camtEntry {
	out := p.camtEntry(Entry{At: p.day.Add(23 * time.Hour), Kind: EntryPayment, ID: "PENDING-" + p.day.Format("20060102"), Amount: 12_300}, o)
	out.Status = camtStatus{Text: "PDNG"}
	if o.Newer {
		out.Status = camtStatus{Code: "PDNG"}
	}
	return out
}

func (p period) camtBalance(code string, amount int64) camtBalance {
	sign := credit
	if amount < 0 {
		sign, amount = debit, -amount
	}
	return camtBalance{Code: code, Amount: camtAmount{p.currency, major(amount, p.currency)}, Sign: sign, Day: p.day.Format(time.DateOnly)}
}

func (p period) camtEntry(e Entry, o StatementOptions) camtEntry {
	at := e.At.In(nairobi())
	sign, amount := credit, e.Amount
	if amount < 0 {
		sign, amount = debit, -amount
	}
	money := camtAmount{p.currency, major(amount, p.currency)}
	out := camtEntry{Amount: money, Sign: sign, Status: camtStatus{Text: "BOOK"}, Booked: at.Format(camtTime), Value: at.Format(time.DateOnly), Bank: e.ID, Kind: string(e.Kind),
		Details: []camtDetails{{EndToEnd: "NOTPROVIDED", Bank: e.ID, Amount: money}}}
	if o.Newer {
		out.Status = camtStatus{Code: "BOOK"}
	}
	if o.NoIDs {
		out.Bank, out.Details[0].Bank = "", ""
	}
	if e.Kind == EntryReversal || e.Kind == EntryRefund || e.Kind == EntryChargeback {
		out.Reversal = "true"
	}
	if of := p.payments[e.Payment]; of != nil {
		out.Details[0].Payer, out.Details[0].Reference = of.Name, of.Reference
	}
	return out
}
