package notify_test

import "github.com/paywatt/paywatt/internal/notify"

// What stands for a transaction in these tests has all rows itself.

func (o *office) Carried() notify.CarriedTx { return o }
func (o *office) Told() notify.ToldTx       { return o }
func (o *office) Office() notify.OfficeTx   { return o }

func (h *hall) Carried() notify.CarriedTx { return h }
func (h *hall) Told() notify.ToldTx       { return h }
func (h *hall) Office() notify.OfficeTx   { return h }

func (c *counter) Carried() notify.CarriedTx  { return c }
func (c *counter) Told() notify.ToldTx        { return c }
func (c *counter) Office() notify.OfficeTx    { return c }
func (h tokenHall) Carried() notify.CarriedTx { return h }
