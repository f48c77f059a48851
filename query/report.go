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
//
// Asked, Delivered and Strata are of one epoch, and of all shards. Epochs deliver
// alike, but for a budget of tokens under REDRAW, of which they show the first.
type Report struct {
	Statement  string          `json:"statement"` // canonical text
	Seed       uint64          `json:"seed"`
	Snapshot   uint64          `json:"snapshot"` // the store's commit number
	StoreRows  int64           `json:"store_rows"`
	Missing    *MissingRows    `json:"missing,omitempty"`    // of the sample in FROM
	Candidates int64           `json:"candidates"`           // rows WHERE left, in a stratum of positive weight
	Excluded   int64           `json:"excluded"`             // of those, dropped by EXCLUDE
	Duplicates int64           `json:"duplicates"`           // of those left, dropped by DISTINCT
	WeightedBy string          `json:"weighted_by"`          // in words; empty without WEIGHTED BY
	Method     string          `json:"quota_method"`         // how quotas were rounded
	Policy     string          `json:"on_shortfall"`         // the policy in force
	Asked      int64           `json:"asked"`                // rows; 0 if Tokens says what was asked
	Offset     int64           `json:"offset,omitempty"`     // rows of the sample left out
	Delivered  int64           `json:"delivered"`            // rows, with copies
	Tokens     *TokenReport    `json:"tokens,omitempty"`     // of a sample counted in tokens
	AllCapped  bool            `json:"all_capped,omitempty"` // REDISTRIBUTE gave all there was
	Strata     []StratumReport `json:"strata"`
	Order      string          `json:"order"`
	Rows       int64           `json:"rows"` // of all epochs and shards
	Epochs     *EpochsReport   `json:"epochs,omitempty"`
	Digest     string          `json:"digest"` // SHA-256 of those rows' row_hashes in output order
	Shard      *ShardReport    `json:"shard,omitempty"`
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
	Skipped   int64  `json:"skipped,omitempty"` // in the sample that OFFSET leaves out
	Delivered int64  `json:"delivered"`
	Capped    bool   `json:"capped,omitempty"`
	MaxCopies int64  `json:"max_copies,omitempty"` // the most often a row comes, when above 1

	Tokens *StratumTokens `json:"tokens,omitempty"`
}

// TokenReport is what a sample counted in tokens asked for and delivered.
type TokenReport struct {
	Tokenizer string `json:"tokenizer"`
	Asked     int64  `json:"asked"`
	Delivered int64  `json:"delivered"`
}

// StratumTokens is one stratum of it. Available is nil where there are more than
// were asked for: nobody counted them.
type StratumTokens struct {
	Asked     int64  `json:"asked"`
	Available *int64 `json:"available,omitempty"`
	Delivered int64  `json:"delivered"`
}

// EpochsReport says how many rows each of several epochs has.
type EpochsReport struct {
	Mode string  `json:"mode,omitempty"` // DISJOINT or REDRAW; empty: the same rows
	Rows []int64 `json:"rows"`
}

// ShardReport is the part of the output that SHARD takes.
type ShardReport struct {
	Index  int64  `json:"index"`
	Of     int64  `json:"of"`
	Rows   int64  `json:"rows"`
	Digest string `json:"digest"` // of its own rows
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
		WeightedBy: p.WeightedBy, Method: p.Method.String(), Policy: p.Policy.String(),
		Asked: m.Asked, Offset: p.Offset, Delivered: m.Delivered, AllCapped: m.AllCapped,
		Order: p.OrderText(), Notes: slices.Clone(p.Notes),
	}
	if p.Epochs.N > 1 {
		r.Epochs = &EpochsReport{Mode: p.Epochs.Mode}
	}
	for i, s := range m.Shares {
		share := StratumReport{
			Name: s.Name, Weight: p.Strata[i].Weight, Share: p.Share(i),
			Asked: s.Asked, Available: s.Available,
			Skipped: s.Skipped, Delivered: s.Delivered, Capped: s.Capped,
		}
		if most := s.Copies + min(s.Extra, 1); most > 1 {
			share.MaxCopies = most
		}
		r.Strata = append(r.Strata, share)
		if used := int64(p.Epochs.N) * s.Delivered; p.Epochs.Mode == "DISJOINT" && used > s.Available && s.Available >= s.Delivered {
			r.Notes = append(r.Notes, fmt.Sprintf("%s has %s for %s of %s: from epoch %d on, rows come again", s.Name,
				plan.Counted(s.Available, "row"), plan.Counted(int64(p.Epochs.N), "epoch"), plan.Thousands(s.Delivered), s.Available/s.Delivered+1))
		}
	}
	if m.AllCapped {
		r.Notes = append(r.Notes, fmt.Sprintf("every bucket gave all it has: %s of %s",
			plan.Thousands(m.Delivered), plan.Counted(m.Asked, "row")))
	}
	return r
}
