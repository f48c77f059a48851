package query

import (
	"fmt"
	"slices"

	"smelt/query/mix"
	"smelt/query/plan"
)

// Report says what a sample asked for and what it delivered. As JSON it is the
// manifest written beside a sample's file; it holds nothing that differs
// between two runs of the same statement on the same rows.
type Report struct {
	Statement  string          `json:"statement"` // canonical text
	Seed       uint64          `json:"seed"`
	Snapshot   uint64          `json:"snapshot"` // the store's commit number
	StoreRows  int64           `json:"store_rows"`
	Candidates int64           `json:"candidates"`           // rows WHERE left, in a stratum of positive weight
	Excluded   int64           `json:"excluded"`             // of those, dropped by EXCLUDE
	Duplicates int64           `json:"duplicates"`           // of those left, dropped by DISTINCT
	WeightedBy string          `json:"weighted_by"`          // in words; empty without WEIGHTED BY
	Method     string          `json:"quota_method"`         // how quotas were rounded
	Policy     string          `json:"on_shortfall"`         // the policy in force
	Asked      int64           `json:"asked"`                // rows
	Delivered  int64           `json:"delivered"`            // rows, with copies
	AllCapped  bool            `json:"all_capped,omitempty"` // REDISTRIBUTE gave all there was
	Strata     []StratumReport `json:"strata"`
	Order      string          `json:"order"`
	Digest     string          `json:"digest"` // SHA-256 of the row_hashes in output order
	Shared     []SharedRows    `json:"shared,omitempty"`
	Notes      []string        `json:"notes,omitempty"`
}

// StratumReport is one stratum of a Report, in rows.
type StratumReport struct {
	Name      string `json:"name"`
	Weight    string `json:"weight"`
	Share     string `json:"share"`
	Asked     int64  `json:"asked"`
	Available int64  `json:"available"`
	Delivered int64  `json:"delivered"`
	Capped    bool   `json:"capped,omitempty"`
	MaxCopies int64  `json:"max_copies,omitempty"` // the most often a row comes, when above 1
}

// SharedRows counts the rows (by row_hash) a sample has in common with a kept one.
type SharedRows struct {
	Sample string `json:"sample"`
	Rows   int64  `json:"rows"`
}

func newReport(p *plan.Sample, m mix.Mixture) Report {
	r := Report{
		Statement: p.Statement.String(), Seed: p.Seed,
		Snapshot: p.Snapshot.Commit(), StoreRows: p.Snapshot.Rows(),
		WeightedBy: p.WeightedBy, Method: "largest remainder", Policy: p.Policy.String(),
		Asked: m.Asked, Delivered: m.Delivered, AllCapped: m.AllCapped,
		Order: "SHUFFLE, epoch 1", Notes: slices.Clone(p.Notes),
	}
	for i, s := range m.Shares {
		share := StratumReport{
			Name: s.Name, Weight: p.Strata[i].Weight, Share: p.Share(i),
			Asked: s.Asked, Available: s.Available, Delivered: s.Delivered, Capped: s.Capped,
		}
		if most := s.Copies + min(s.Extra, 1); most > 1 {
			share.MaxCopies = most
		}
		r.Strata = append(r.Strata, share)
	}
	if m.AllCapped {
		r.Notes = append(r.Notes, fmt.Sprintf("every bucket gave all it has: %s of %s",
			plan.Thousands(m.Delivered), plan.Counted(m.Asked, "row")))
	}
	return r
}
