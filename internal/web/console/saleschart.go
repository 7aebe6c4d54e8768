package console

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/vending"
)

// salesByDay makes the chart of a list of sales.
func (s *Console) salesByDay(ctx context.Context, v visit, asked vending.SaleRequest) (*chart, error) {
	list, err := s.c.Vending.SalesByDay(ctx, v.by, asked)
	if err != nil || list.Refused() {
		return nil, err
	}
	return v.site.salesChart(list)
}

// salesChart is the chart of what was sold on each day; nil if nothing was.
func (t site) salesChart(list vending.SaleDays) (*chart, error) {
	c := chart{ID: "chart-sales", Alone: true, Label: t.say.ChartSalesLabel(), Heads: []string{t.say.WalletDay(), t.say.SalesTitle(), t.currency, "kWh"}}
	p := chartData{Kind: "bars", By: "day", TZ: t.in(time.Time{}).Location().String(), Unit: t.currency}
	p.Scale, p.Digits = minorUnits(t.currency)
	all := money.Amount{Currency: t.currency}
	sales := int64(0)
	var days []string
	for _, d := range list.Days {
		day := d.From.Format(time.DateOnly)
		days, p.Y = append(days, day), append(p.Y, whole(int64(d.Sold.Tender.Minor)))
		all.Minor, sales = all.Minor+d.Sold.Tender.Minor, sales+d.Sold.Sales
		c.Rows = append(c.Rows, []string{t.say.Day(day), t.say.Count(d.Sold.Sales), t.say.Amount(money.Amount{Minor: d.Sold.Tender.Minor, Currency: t.currency}), t.say.KWh(d.Sold.Units, 1)})
	}
	if sales == 0 {
		return nil, nil
	}
	p.X, c.Title = days, t.say.ChartSales(t.say.Sum(all))
	var err error
	c.Data, err = p.text()
	return &c, err
}
