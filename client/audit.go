package client

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
)

// AuditLog lists rows of the audit log, newest first (right: audit.read).
func (c *Client) AuditLog(ctx context.Context, f apiv1.AuditFilter) (apiv1.List[apiv1.AuditEntry], error) {
	return list(ctx, c, apiv1.AuditLog, f)
}
