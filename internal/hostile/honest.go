package hostile

import (
	"bytes"
	"fmt"
	"strings"
)

// Honest lists the largest honest files: what people really send, as large as the limits allow.
func Honest() []File {
	return []File{
		{Kind: Workbook, Name: "20,000 meters with all 17 columns, as Excel writes them", Make: honestWorkbook},
		{Kind: CSV, Name: "20,000 meters with all 17 columns", Make: honestList},
		{Kind: Camt, Name: "50,000 payments of a month", Make: func() []byte { return honestCamt(50_000) }},
		{Kind: Swift, Name: "100,000 payments of a month", Make: func() []byte { return honestSwift(100_000) }},
		{Kind: MPesa, Name: "100,000 payments of a month", Make: func() []byte { return honestMPesa(100_000) }},
	}
}

// meterColumns are the columns of an import of meters.
func meterColumns() []string {
	return []string{"number", "mode", "tariff", "customer_name", "customer_phone", "address", "feeder", "sgc", "krn", "kt", "ti", "ken", "ea", "dkga", "base_date", "sim_phone", "lang"}
}

// meterRow returns the values of a meter.
func meterRow(n int) []string {
	number := fmt.Sprintf("0414%07d", n)
	return []string{number, "prepay-token", "domestic", fmt.Sprintf("Customer Number %d", n), fmt.Sprintf("+2547%08d", n), fmt.Sprintf("House %d, Ngong Road, Nairobi", n),
		"F1", "123456", "1", "2", "07", "255", "07", "02", "2014", fmt.Sprintf("+2541%08d", n), "sw"}
}

// honestRows is how many rows an import has at most.
const honestRows = 20_000

func honestWorkbook() []byte {
	var sheet, texts bytes.Buffer
	sheet.WriteString(sheetHead)
	texts.WriteString("<sst>")
	known := map[string]int{}
	row := func(line int, values []string) {
		fmt.Fprintf(&sheet, `<row r="%d" spans="1:17" x14ac:dyDescent="0.25">`, line)
		for i, value := range values {
			n, has := known[value]
			if !has {
				n = len(known)
				known[value] = n
				fmt.Fprintf(&texts, `<si><t>%s</t></si>`, value)
			}
			fmt.Fprintf(&sheet, `<c r="%c%d" s="1" t="s"><v>%d</v></c>`, 'A'+i, line, n)
		}
		sheet.WriteString("</row>")
	}
	row(1, meterColumns())
	for n := range honestRows {
		row(n+2, meterRow(n))
	}
	sheet.WriteString(sheetTail)
	texts.WriteString("</sst>")
	return workbook(contents{listPart: sheet.Bytes(), textPart: texts.Bytes()})
}

func honestList() []byte {
	var b bytes.Buffer
	b.WriteString(strings.Join(meterColumns(), ",") + "\n")
	for n := range honestRows {
		for i, value := range meterRow(n) {
			if i > 0 {
				b.WriteByte(',')
			}
			if strings.Contains(value, ",") {
				value = `"` + value + `"`
			}
			b.WriteString(value)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func honestCamt(rows int) []byte {
	var b bytes.Buffer
	b.WriteString(camtHead + camtBal)
	for n := range rows {
		fmt.Fprintf(&b, `<Ntry><Amt Ccy="KES">500.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-%02d</Dt></BookgDt><AcctSvcrRef>FT26%08d</AcctSvcrRef>`+
			`<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>E2E%08d</EndToEndId></Refs>`+
			`<RltdPties><Dbtr><Nm>AMINA WANJIRU %d</Nm></Dbtr></RltdPties><RmtInf><Ustrd>0414%07d</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`, n%30+1, n, n, n, n)
	}
	b.WriteString(strings.Replace(camtTail, ">0<", fmt.Sprintf(">%d.00<", 500*rows), 1))
	return b.Bytes()
}

func honestSwift(rows int) []byte {
	var b bytes.Buffer
	b.WriteString(swiftHead)
	for n := range rows {
		fmt.Fprintf(&b, ":61:2611%02d1120C500,00NTRFNONREF//FT26%08d\n:86:166?00TRANSFER?20METER?210414%07d?32AMINA WANJIRU %d\n", n%30+1, n, n, n)
	}
	fmt.Fprintf(&b, ":62F:C261130KES%d,00\n-\n", 500*rows)
	return b.Bytes()
}

func honestMPesa(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("Organization Statement\nShort Code:,600000\n\n" + mpesaHead)
	for n := range rows {
		fmt.Fprintf(&b, "QK%08d,%02d-11-2026 11:00:02,Pay Bill from 2547****126 - AMINA WANJIRU Acc. 0414%07d,Completed,500.00,,%d.00,Pay Bill Online,2547****126 - AMINA WANJIRU,,0414%07d\n",
			n, n%30+1, n, 500*(n+1), n)
	}
	return b.Bytes()
}
