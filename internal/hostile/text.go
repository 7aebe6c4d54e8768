package hostile

import (
	"bytes"
	"fmt"
	"strings"
)

// lists are hostile CSV files of an import.
func lists() []File {
	s := &fileList{kind: CSV}
	const head = "number,name\n"
	s.quick("one line of commas", func() []byte { return filled(head, ",", "\n", listSize) })
	s.text("a heading of commas", "", ",", "\n1\n", listSize)
	s.text("a heading of a million names", "", "a,", "\n1\n", listSize)
	s.text("one long value", head, "x", "\n", listSize)
	s.quick("a quotation that never ends", func() []byte { return filled(head+`1,"`, "x\n", "", listSize) })
	s.text("a quotation of commas", head+`1,"`, ",", `"`+"\n", listSize)
	s.text("quotation marks", head, `"`, "\n", listSize)
	s.text("empty quotations", head, `"",`, "\n", listSize)
	s.text("lines of empty quotations", head, `"",""`+"\n", "", listSize)
	s.text("quotations of quotation marks", head+`"`, `""`, `"`+"\n", listSize)
	s.text("a bare quotation mark", head, `a"b,`, "\n", listSize)
	s.text("line feeds", head, "\n", "1,a\n", listSize)
	s.text("carriage returns", head, "\r", "1,a\n", listSize)
	s.text("pairs of both", head, "\r\n", "1,a\r\n", listSize)
	s.quick("lines of one comma", func() []byte { return filled(head, ",\n", "", listSize) })
	s.text("lines of one letter", head, "a\n", "", listSize)
	s.text("20,000 lines of 400 commas", head, strings.Repeat(",", 400)+"\n", "", listSize)
	s.text("lines of 400 values", head, strings.Repeat("a,", 200)+"\n", "", listSize)
	s.text("lines of blanks", head, strings.Repeat(" ", 400)+",\n", "", listSize)
	s.text("lines of marks without width", head, strings.Repeat("\u200b", 130)+",\n", "", listSize)
	s.text("lines of values of 1,000 characters", head, strings.Repeat("x", 1000)+","+strings.Repeat("y", 1000)+"\n", "", listSize)
	s.text("letters of four bytes", head, strings.Repeat("😀", 999)+"\n", "", listSize)
	s.text("tabs", "number\tname\n", "\t", "\n", listSize)
	s.text("semicolons", "number;name\n", ";", "\n", listSize)
	s.text("vertical bars", "number|name\n", "|", "\n", listSize)
	s.text("a separator that is a quotation mark", "sep=\"\nnumber\"name\n", "\"", "\n", listSize)
	s.text("a separator that is a letter", "sep=a\nnumberaname\n", "a", "\n", listSize)
	s.add("20,000 lines of 100 values", func() []byte {
		var b bytes.Buffer
		for i := range 100 {
			fmt.Fprintf(&b, "h%d,", i)
		}
		b.WriteString("\n")
		return filled(b.String(), strings.Repeat("12,", 100)+"\n", "", listSize)
	})
	s.add("100 headings of 1,000 letters", func() []byte {
		var b bytes.Buffer
		for i := range 100 {
			fmt.Fprintf(&b, "%s%d,", strings.Repeat("é", 990), i)
		}
		return filled(b.String()+"\n", "1\n", "", listSize)
	})
	s.quick("20,000 equal customers", func() []byte { return filled("name,phone\n", "A,\n", "", len("name,phone\n")+3*19_999) })
	s.add("20,000 equal meters", func() []byte { return filled("number\n", "04140001001\n", "", 12*19_999) })
	s.add("20,000 amounts of 900 digits", func() []byte {
		return filled("account,amount\n", "04140001001,1."+strings.Repeat("9", 380)+"\n", "", listSize)
	})
	s.add("20,000 dates", func() []byte {
		return filled("account,amount,as_of\n", "04140001001,1,2026-13-45T99999999\n", "", 35*19_999)
	})
	s.add("20,000 totals", func() []byte { return filled("number\n", "grand total\n", "", 12*19_999) })
	s.quick("zero bytes", func() []byte { return make([]byte, listSize) })
	s.text("zero bytes at the end", head+"1,a\n", "\x00", "", listSize)
	s.add("UTF-16", func() []byte { return wide(string(filled(head, ",", "\n", listSize/2-2))) })
	s.add("UTF-16 without a mark", func() []byte { return wide(string(filled(head, "a,b\n", "", listSize/2-2)))[2:] })
	s.add("UTF-16 of halves of letters", func() []byte { return append([]byte{0xff, 0xfe}, bytes.Repeat([]byte{0x00, 0xd8}, listSize/2-1)...) })
	s.add("UTF-16 of an odd length", func() []byte { return append([]byte{0xff, 0xfe}, bytes.Repeat([]byte{0x41}, listSize-3)...) })
	s.add("UTF-16 of large letters", func() []byte { return append([]byte{0xfe, 0xff}, bytes.Repeat([]byte{0x30, 0x42}, listSize/2-1)...) })
	s.quick("letters of Windows", func() []byte { return filled(head, "\x80", "\n", listSize) })
	s.text("lines of letters of Windows", head, "1,Jos\xe9\n", "", listSize)
	s.text("half a letter at the end", head, "é", "\xc3", listSize)
	s.text("marks of byte order", "", "\ufeff", head, listSize)
	s.text("blanks alone", "", " ", "", listSize)
	s.text("the old format of Excel", "\xd0\xcf\x11\xe0", "\x00", "", listSize)
	return s.all
}

// Beginnings and endings of statements. The sums are right, so that a reader reads on.
const (
	statementSize = 32 << 20

	camtHead = `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>`
	camtBal  = `<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="KES">0</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>`
	camtEnd  = `<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="KES">0</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>`
	camtTail = camtEnd + `</Stmt></BkToCstmrStmt></Document>`
	camtNtry = `<Ntry><Amt Ccy="KES">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt></Ntry>`
	camtBack = `<Ntry><Amt Ccy="KES">1</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt></Ntry>`

	entryHead = camtHead + camtBal + `<Ntry><Amt Ccy="KES">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt>`
	entryTail = `</Ntry>` + camtBack + camtTail
)

func camts() []File {
	s := &fileList{kind: Camt}
	part := func(name, head, piece, tail string) { s.text(name, head, piece, tail, statementSize) }
	deep := func(name, head, open, end, tail string, size int) {
		s.add(name, func() []byte { return nested(head, open, end, tail, size) })
	}
	s.quick("nested elements of 18 MB", func() []byte { return nested(camtHead, "<a>", "</a>", camtTail, 18<<20) })
	deep("nested elements", camtHead, "<a>", "</a>", camtTail, statementSize)
	part("nested elements that stay open", camtHead, "<a>", "")
	deep("nested before the statement", "<Document>", "<a>", "</a>", "</Document>", statementSize)
	deep("nested statements", "<Document>", "<Stmt>", "</Stmt>", "</Document>", statementSize)
	deep("nested entries", camtHead, "<Ntry>", "</Ntry>", camtTail, statementSize)
	deep("nested in an entry", entryHead, "<a>", "</a>", entryTail, statementSize)
	deep("nested in details", entryHead+"<NtryDtls><TxDtls>", "<a>", "</a>", "</TxDtls></NtryDtls>"+entryTail, statementSize)
	deep("nested details", entryHead+"<NtryDtls>", "<TxDtls>", "</TxDtls>", "</NtryDtls>"+entryTail, statementSize)
	deep("nested in a balance", camtHead+"<Bal>", "<Tp>", "</Tp>", "</Bal>"+camtTail, statementSize)
	deep("nested in an amount", camtHead+"<Bal><Amt>", "<a>", "</a>", "</Amt></Bal>"+camtTail, statementSize)
	deep("nested in the account", camtHead+"<Acct>", "<Id>", "</Id>", "</Acct>"+camtTail, statementSize)
	deep("nested namespaces", camtHead, `<a:b xmlns:a="c">`, "</a:b>", camtTail, statementSize)
	part("unknown elements", camtHead+camtBal, "<a/>", camtTail)
	part("unknown elements with texts", camtHead+camtBal, "<a>b</a>", camtTail)
	part("unknown elements of an entry", entryHead, "<a/>", entryTail)
	part("states of an entry", entryHead, "<Sts>BOOK</Sts>", entryTail)
	part("amounts of an entry", entryHead, `<Amt Ccy="KES">1</Amt>`, entryTail)
	part("statements", "<Document>", "<Stmt>"+camtBal+camtEnd+"</Stmt>", "</Document>")
	part("empty statements", "<Document>", "<Stmt/>", "</Document>")
	part("balances", camtHead, camtBal, camtTail)
	part("balances between", camtHead, strings.ReplaceAll(camtBal, "OPBD", "ITBD"), camtTail)
	part("balances of no kind", camtHead+camtBal, "<Bal/>", camtTail)
	part("periods", camtHead+camtBal, "<FrToDt><FrDt>2026-11-20</FrDt><ToDt>2026-11-20</ToDt></FrToDt>", camtTail)
	part("accounts", camtHead+camtBal, "<Acct><Id><IBAN>A</IBAN></Id></Acct>", camtTail)
	s.quick("equal entries", func() []byte { return filled(camtHead+camtBal, camtNtry+camtBack, camtTail, statementSize) })
	part("entries that wait", camtHead+camtBal, "<Ntry><Sts>PDNG</Sts></Ntry>", camtTail)
	part("empty entries", camtHead+camtBal, "<Ntry/>", camtTail)
	part("details of one entry", entryHead+"<NtryDtls>", `<TxDtls><Amt Ccy="KES">1</Amt></TxDtls><TxDtls><CdtDbtInd>DBIT</CdtDbtInd><Amt Ccy="KES">1</Amt></TxDtls>`, "</NtryDtls>"+entryTail)
	part("empty details of one entry", entryHead+"<NtryDtls>", "<TxDtls/>", "</NtryDtls>"+entryTail)
	s.quick("texts of one entry", func() []byte {
		return filled(entryHead+"<NtryDtls><TxDtls><RmtInf>", "<Ustrd>a</Ustrd>", "</RmtInf></TxDtls></NtryDtls>"+entryTail, statementSize)
	})
	part("empty texts of one entry", entryHead+"<NtryDtls><TxDtls><RmtInf>", "<Ustrd/>", "</RmtInf></TxDtls></NtryDtls>"+entryTail)
	part("one text", entryHead+"<NtryDtls><TxDtls><RmtInf><Ustrd>", "x", "</Ustrd></RmtInf></TxDtls></NtryDtls>"+entryTail)
	part("one text of blanks", entryHead+"<NtryDtls><TxDtls><RmtInf><Ustrd>", " x", "</Ustrd></RmtInf></TxDtls></NtryDtls>"+entryTail)
	part("one name", entryHead+"<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>", "x", "</Nm></Dbtr></RltdPties></TxDtls></NtryDtls>"+entryTail)
	part("one amount", camtHead+`<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><CdtDbtInd>CRDT</CdtDbtInd><Amt Ccy="KES">`, "9", `</Amt></Bal>`+camtTail)
	part("one amount of zeros", camtHead+`<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><CdtDbtInd>CRDT</CdtDbtInd><Amt Ccy="KES">1.`, "0", `</Amt></Bal>`+camtTail)
	part("one account", camtHead+"<Acct><Id><IBAN>", "x", "</IBAN></Id></Acct>"+camtTail)
	part("one state", entryHead+"<Sts>", "x", "</Sts>"+entryTail)
	part("one code", entryHead+"<BkTxCd><Prtry><Cd>", "x", "</Cd></Prtry></BkTxCd>"+entryTail)
	part("blanks", camtHead+camtBal, " ", camtTail)
	part("line feeds", camtHead+camtBal, "\n", camtTail)
	part("carriage returns", camtHead+camtBal, "\r", camtTail)
	part("comments", camtHead+camtBal, "<!---->", camtTail)
	part("one comment", camtHead+camtBal+"<!--", "x", "-->"+camtTail)
	part("instructions", camtHead+camtBal, "<?a?>", camtTail)
	part("sections of characters", camtHead+camtBal, "<![CDATA[]]>", camtTail)
	part("one section of characters", camtHead+camtBal+"<![CDATA[", "]", "]]>"+camtTail)
	part("characters by number", camtHead+camtBal, "&#65;", camtTail)
	part("characters by long numbers", camtHead+camtBal, "&#"+strings.Repeat("0", 500)+"65;", camtTail)
	part("characters by name", camtHead+camtBal, "&amp;", camtTail)
	s.quick("attributes of one element", func() []byte { return numbered(camtHead+"<a", ` a%[1]d=""`, "/>"+camtTail, statementSize) })
	part("attributes of many elements", camtHead, "<a"+strings.Repeat(` b="c"`, 500)+"/>", camtTail)
	s.add("namespaces of one element", func() []byte { return numbered(camtHead+"<a", ` xmlns:a%[1]d="b"`, "/>"+camtTail, statementSize) })
	part("namespaces of many elements", camtHead, "<a"+strings.Repeat(` xmlns:b="c"`, 500)+"/>", camtTail)
	part("one attribute", camtHead+`<a b="`, "x", `"/>`+camtTail)
	part("one name of an element", camtHead+`<`, "x", `/>`+camtTail)
	part("a tag that never ends", camtHead+"<a ", " ", "")
	part("declarations of entities", `<!DOCTYPE a [`, `<!ENTITY e "&e;&e;">`, `]>`+camtHead+"&e;"+camtTail)
	part("declarations inside one another", `<!DOCTYPE a `, `<`, ``)
	part("ends without begins", camtHead, "</a>", camtTail)
	part("letters of Latin-1", strings.Replace(camtHead, "UTF-8", "ISO-8859-1", 1)+camtBal, "\xe9", camtTail)
	part("letters that are no UTF-8", camtHead+camtBal, "\xe9", camtTail)
	part("two encodings", strings.Replace(camtHead, "UTF-8", "latin1", 1)+camtBal, `<?xml encoding="latin1"?>`, camtTail)
	part("zero bytes", camtHead, "\x00", camtTail)
	s.add("UTF-16", func() []byte { return wide(string(filled(camtHead+camtBal, "<a/>", camtTail, statementSize/2-2))) })
	s.add("UTF-16 of texts", func() []byte { return wide(string(filled(camtHead+camtBal, "a", camtTail, statementSize/2-2))) })
	s.add("entries with names of their own", func() []byte {
		return numbered(camtHead+camtBal, strings.Replace(camtNtry, "</Ntry>", "<AcctSvcrRef>N%[1]d</AcctSvcrRef></Ntry>", 1)+camtBack, camtTail, statementSize)
	})
	return s.all
}

const (
	swiftHead = ":20:S\n:25:A\n:28C:1\n:60F:C261120KES0,\n"
	swiftTail = ":62F:C261120KES0,\n-\n"
)

func swifts() []File {
	s := &fileList{kind: Swift}
	part := func(name, head, piece, tail string) { s.text(name, head, piece, tail, statementSize) }
	block := func(line string) string { return line + strings.Repeat("x\n", 32_000) }
	s.quick("fields of short lines", func() []byte { return filled(swiftHead, block(":61:261120C1,NTRFA\n:86:"), swiftTail, statementSize) })
	part("fields of empty lines", swiftHead, ":86:"+strings.Repeat("\n", 65_000), swiftTail)
	part("one field of short lines", swiftHead+":86:", "x\n", swiftTail)
	part("one field of long lines", swiftHead+":86:", strings.Repeat("x", 60_000)+"\n", swiftTail)
	part("line feeds before the first field", "", "\n", swiftHead+swiftTail)
	part("line feeds", swiftHead, "\n", swiftTail)
	part("line feeds behind the end", swiftHead+swiftTail, "\n", "")
	part("carriage returns", strings.ReplaceAll(swiftHead, "\n", "\r"), "\r", swiftTail)
	part("pairs of both", swiftHead, "\r\n", swiftTail)
	part("ends of FinTS", "@@:20:S@@", "@@", "@@:62F:")
	part("lines of one letter before the first field", "", "x\n", swiftHead+swiftTail)
	part("lines of one dash", swiftHead+swiftTail, "-\n", "")
	part("lines of one brace", "", "{\n", swiftHead+swiftTail)
	part("headers", "", "{1:F01}{2:I940}{4:\n", swiftHead+swiftTail)
	part("headers of one line", "", "{1:F01}", "{4:\n"+swiftHead+swiftTail)
	part("a line of 32 MB", swiftHead+":86:", "x", "\n"+swiftTail)
	part("lines of 64 kB", swiftHead, ":86:"+strings.Repeat("x", 65_000)+"\n", swiftTail)
	part("lines of letters of Latin-1", swiftHead, ":86:"+strings.Repeat("\xe9", 65_000)+"\n", swiftTail)
	s.quick("statements", func() []byte { return filled("", ":60F:C261120KES0,\n:62F:C261120KES0,\n", "", statementSize) })
	part("statements of other days", "", ":60M:C261120KES0,\n:62M:C261121KES0,\n", "")
	s.quick("equal rows", func() []byte {
		return filled(swiftHead, ":61:261120C1,NTRFA\n:61:261120D1,NTRFA\n", swiftTail, statementSize)
	})
	s.add("rows with names of their own", func() []byte {
		return numbered(swiftHead, ":61:261120C1,NTRFA//B%[1]d\n:61:261120D1,NTRFA\n", swiftTail, statementSize)
	})
	part("rows with long remarks", swiftHead, ":61:261120C1,NTRFA\n"+strings.Repeat("x", 60_000)+"\n:61:261120D1,NTRFA\n", swiftTail)
	part("rows with long names", swiftHead, ":61:261120C1,NTRF"+strings.Repeat("x", 60_000)+"\n", swiftTail)
	part("rows of long amounts", swiftHead, ":61:261120C"+strings.Repeat("9", 60_000)+",NTRFA\n", swiftTail)
	part("long amounts of zeros", swiftHead, ":61:261120C"+strings.Repeat("0", 60_000)+"1,NTRFA\n", swiftTail)
	part("details in numbered parts", swiftHead, ":61:261120C1,NTRFA\n:86:"+strings.Repeat("?20", 20_000)+"\n:61:261120D1,NTRFA\n", swiftTail)
	part("details in numbered parts of letters", swiftHead, ":61:261120C1,NTRFA\n:86:"+strings.Repeat("?20a?32b", 7_000)+"\n:61:261120D1,NTRFA\n", swiftTail)
	part("details in coded parts", swiftHead, ":61:261120C1,NTRFA\n:86:/NAME/"+strings.Repeat("/ABCD", 12_000)+"\n:61:261120D1,NTRFA\n", swiftTail)
	part("details of slashes", swiftHead, ":61:261120C1,NTRFA\n:86:/NAME/"+strings.Repeat("/", 60_000)+"\n:61:261120D1,NTRFA\n", swiftTail)
	part("details of slashes and letters", swiftHead, ":61:261120C1,NTRFA\n:86:/REMI/"+strings.Repeat("/a", 30_000)+"\n:61:261120D1,NTRFA\n", swiftTail)
	part("details of blanks", swiftHead, ":61:261120C1,NTRFA\n:86:"+strings.Repeat(" x", 30_000)+"\n:61:261120D1,NTRFA\n", swiftTail)
	part("details of control characters", swiftHead, ":61:261120C1,NTRFA\n:86:"+strings.Repeat("\x01", 60_000)+"\n:61:261120D1,NTRFA\n", swiftTail)
	part("fields that mean nothing", swiftHead, ":21:\n", swiftTail)
	part("accounts", swiftHead, ":25:A\n", swiftTail)
	part("long accounts", swiftHead, ":25:"+strings.Repeat(" x", 30_000)+"\n", swiftTail)
	part("balances without an end", "", ":60F:C261120KES0,\n", "")
	part("zero bytes", swiftHead, "\x00", swiftTail)
	part("lines of zero bytes", swiftHead, "\x00\n", swiftTail)
	part("marks of byte order", swiftHead, "\ufeff\n", swiftTail)
	s.add("UTF-16", func() []byte { return wide(string(filled(swiftHead, ":21:\n", swiftTail, statementSize/2-2))) })
	s.add("UTF-16 of one line", func() []byte { return wide(string(filled(swiftHead, "x", swiftTail, statementSize/2-2))) })
	part("colons", swiftHead, ":", "\n"+swiftTail)
	return s.all
}

// mpesaHead are the headings of M-Pesa's table.
const mpesaHead = "Receipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Reason Type,Other Party Info,Linked Transaction ID,A/C No.\n"

func mpesas() []File {
	s := &fileList{kind: MPesa}
	part := func(name, head, piece, tail string) { s.text(name, head, piece, tail, statementSize) }
	row := func(details string) string {
		return "QK1,20-11-2026 11:00:02," + details + ",Completed,1.00,,1.00,,,,\n"
	}
	s.quick("equal rows", func() []byte { return filled(mpesaHead, row("Pay"), "", statementSize) })
	s.add("rows with receipts of their own", func() []byte {
		return numbered(mpesaHead, "QK%[1]d,20-11-2026 11:00:02,Pay Bill,Completed,1.00,,1.00,,,,\n", "", statementSize)
	})
	part("rows of failed payments", mpesaHead, "QK1,20-11-2026 11:00:02,Pay,Failed,1.00,,1.00,,,,\n", "")
	part("rows of remarks", mpesaHead, "x\n", "")
	part("rows of dashes", mpesaHead, "-,-\n", "")
	part("rows of one comma", mpesaHead, ",\n", "")
	part("line feeds", mpesaHead, "\n", "")
	part("carriage returns", strings.ReplaceAll(mpesaHead, "\n", "\r"), "\r", "")
	part("one row of commas", mpesaHead, ",", "\n")
	s.quick("details of 300 letters", func() []byte { return filled(mpesaHead, row(strings.Repeat("x", 240)), "", statementSize) })
	part("details of blanks", mpesaHead, row(strings.Repeat(" x", 120)), "")
	part("details of accounts", mpesaHead, row(strings.Repeat(" acc. ", 40)), "")
	part("details of account numbers", mpesaHead, row(strings.Repeat(" account number ", 15)), "")
	part("details of payers", mpesaHead, row(strings.Repeat(" from 2", 35)), "")
	part("details of channels", mpesaHead, row("x Acc. "+strings.Repeat(" via web", 30)), "")
	part("details of 60 kB", mpesaHead, row(strings.Repeat(" account no from 2 via web", 2300)), "")
	part("details of 60 kB of blanks", mpesaHead, row("a Acc. "+strings.Repeat(" ", 60_000)+"x"), "")
	part("one field of details", mpesaHead+"QK1,20-11-2026 11:00:02,", "x", ",Completed,1.00,,1.00,,,,\n")
	part("a quotation that never ends", mpesaHead+`QK1,"`, "x\n", "")
	part("empty quotations", mpesaHead, `"",`, "\n")
	part("quotation marks", mpesaHead, `"`, "\n")
	part("quotations of quotation marks", mpesaHead+`"`, `""`, `"`+"\n")
	part("a preamble that never ends", "", "a,b\n", "")
	part("a preamble of one line", "", "a,", "\n"+mpesaHead)
	part("a preamble of periods", "", "Time Period:,"+strings.Repeat("20-11-2026 ", 90_000)+"\n", mpesaHead)
	part("a preamble of short codes", "", "Short Code:,"+strings.Repeat(" x", 400_000)+"\n", mpesaHead)
	part("headings of a million names", "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn", ",x", "\n")
	s.add("headings that are all different", func() []byte {
		return numbered("Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn", ",x%[1]d", "\n", statementSize)
	})
	part("long amounts", mpesaHead, "QK1,20-11-2026 11:00:02,Pay,Completed,"+strings.Repeat("9", 300)+",,1.00,,,,\n", "")
	part("long amounts of zeros", mpesaHead, "QK1,20-11-2026 11:00:02,Pay,Completed,"+strings.Repeat("0", 300)+"1,,1.00,,,,\n", "")
	part("amounts with many points", strings.ReplaceAll(mpesaHead, ",", ";"), "QK1;20-11-2026 11:00:02;Pay;Completed;1"+strings.Repeat(".000", 80)+",00;;1;;;;\n", "")
	part("times", mpesaHead, "QK1,20-11-2026 11:00:02 and so on and so forth and later,Pay,Completed,1,,1,,,,\n", "")
	part("rows of totals", mpesaHead, "Total,,,,,,,,,,\n", "")
	part("zero bytes", mpesaHead, "\x00", "")
	part("rows of letters of Latin-1", mpesaHead, row(strings.Repeat("\xe9", 200)), "")
	s.add("UTF-16", func() []byte { return wide(string(filled(mpesaHead, row("Pay"), "", statementSize/2-2))) })
	s.add("UTF-16 of one line", func() []byte { return wide(string(filled(mpesaHead, "x", "", statementSize/2-2))) })
	s.add("UTF-16 of halves of letters", func() []byte {
		return append(wide(mpesaHead), bytes.Repeat([]byte{0x00, 0xd8}, statementSize/2-1000)...)
	})
	part("nothing but quotation marks in lines", mpesaHead, "\"\"\n", "")
	return s.all
}
