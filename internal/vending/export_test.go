package vending

// Change are the digits of Sale.Change, one for one.
func (i Issued) Change() Issued { return Issued{i.digits.Change()} }
