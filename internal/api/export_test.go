package api

// Spec is the OpenAPI 3.1 document, as JSON.
func (a *API) Spec() []byte { return a.spec }

// Spec30 is the same document in the form of OpenAPI 3.0.
func (a *API) Spec30() []byte { return a.spec30 }
