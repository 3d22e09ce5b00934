package sqlrecords

import (
	"crypto/sha256"
	"fmt"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/lineage"
)

// queries are the statements.
type queries struct {
	kit                                       *sqlkit.Kit
	lock, count, last                         string
	sizes, page, record                       string
	upload, addPart, dropParts, part          string
	checkpoint, firstCheckpoint, checkpointed string
}

const recordColumns = `r.cursor, r.id, r.learnt, r.time, r.head, r.body, b.body, r.raw`

func newQueries(kit *sqlkit.Kit) queries {
	from := ` from {prefix}records r left join {prefix}bodies b on b.hash = r.body `
	q := queries{
		kit:    kit,
		count:  kit.SQL(`update {prefix}counter set cursor = ? where one = 1`),
		last:   kit.SQL(`select cursor from {prefix}counter where one = 1`),
		sizes:  kit.SQL(`select cursor, bytes from {prefix}records where cursor > ? and cursor <= ? order by cursor limit ?`),
		page:   kit.SQL(`select ` + recordColumns + from + `where r.cursor > ? and r.cursor <= ? order by r.cursor`),
		record: kit.SQL(`select ` + recordColumns + from + `where r.id = ?`),

		upload:    kit.SQL(`update {prefix}counter set upload = upload + 1 where one = 1 returning upload`),
		addPart:   kit.SQL(`insert into {prefix}checkpoint_parts (upload, part, crc, data) values (?, ?, ?, ?)`),
		dropParts: kit.SQL(`delete from {prefix}checkpoint_parts where upload <> ? and upload <> ?`),
		part:      kit.SQL(`select crc, data from {prefix}checkpoint_parts where upload = ? and part = ?`),

		checkpoint:      kit.SQL(`select version, cursor, fingerprint, upload, parts from {prefix}checkpoint where one = 1`),
		firstCheckpoint: kit.SQL(`insert into {prefix}checkpoint (one, version, cursor, fingerprint, upload, parts) values (1, ?, ?, ?, ?, ?)`),
		checkpointed:    kit.SQL(`update {prefix}checkpoint set version = ?, cursor = ?, fingerprint = ?, upload = ?, parts = ? where one = 1`),
	}
	if q.lock = q.last; kit.Dialect() == sqlkit.PostgreSQL {
		q.lock += " for update" // SQLite's transaction holds the only write lock
	}
	return q
}

// recordFields is how many columns a record has.
const recordFields = 10

func (q *queries) addRecords(n int) string {
	return q.kit.SQL(`insert into {prefix}records (cursor, id, learnt, time, head, body, raw, bytes, run, job) values ` + sqlkit.Tuples(n, recordFields))
}

// addBodies passes over those that are there.
func (q *queries) addBodies(n int) string {
	return q.kit.SQL(`insert into {prefix}bodies (hash, body) values ` + sqlkit.Tuples(n, 2) + ` on conflict do nothing`)
}

func (q *queries) known(n int) string {
	return q.kit.SQL(`select id, cursor from {prefix}records where id in (` + sqlkit.Marks(n) + `)`)
}

func (q *queries) dropRaw(n int) string {
	return q.kit.SQL(`update {prefix}records set raw = null where id in (` + sqlkit.Marks(n) + `) and raw is not null`)
}

func (q *queries) bodiesOf(n int) string {
	return q.kit.SQL(`select distinct body from {prefix}records where body is not null and id in (` + sqlkit.Marks(n) + `)`)
}

func (q *queries) dropRecords(n int) string {
	return q.kit.SQL(`delete from {prefix}records where id in (` + sqlkit.Marks(n) + `)`)
}

// dropUnused removes those of the bodies that no record has any more.
func (q *queries) dropUnused(n int) string {
	return q.kit.SQL(`delete from {prefix}bodies where hash in (` + sqlkit.Marks(n) + `)
and not exists (select 1 from {prefix}records r where r.body = {prefix}bodies.hash)`)
}

// records reads records by their cursors.
func (q *queries) records(n int) string {
	return q.kit.SQL(`select ` + recordColumns + ` from {prefix}records r left join {prefix}bodies b on b.hash = r.body
where r.cursor in (` + sqlkit.Marks(n) + `) order by r.time desc, r.id desc`)
}

// runs lists a page of run records, without what they say.
func (q *queries) runs(query lineage.RunQuery, limit int) (string, []any) {
	where, args := `run is not null`, []any(nil)
	and := func(condition string, values ...any) {
		where += ` and ` + condition
		args = append(args, values...)
	}
	byJob := query.Job != (lineage.JobRef{})
	switch {
	case query.Run != "" && byJob: // A run has few records and a job has many, which no planner knows: the case hides the job.
		and(`run = ? and case when job = ? then 1 else 0 end = 1`, hashOf(query.Run), jobHash(query.Job))
	case query.Run != "":
		and(`run = ?`, hashOf(query.Run))
	case byJob:
		and(`job = ?`, jobHash(query.Job))
	}
	if query.Before != (lineage.RunKey{}) {
		and(`(time, id) < (?, ?)`, sqlkit.Micros(query.Before.Time), query.Before.ID[:])
	}
	return q.kit.SQL(`select cursor, bytes, time, id from {prefix}records where ` + where + ` order by time desc, id desc limit ?`), append(args, limit)
}

// hashOf returns by what a name is found.
func hashOf(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

// jobHash tells the parts of a job's name apart by the length of the first.
func jobHash(j lineage.JobRef) []byte {
	return hashOf(fmt.Sprintf("%d:%s%s", len(j.Namespace), j.Namespace, j.Name))
}
