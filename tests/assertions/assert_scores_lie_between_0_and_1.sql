-- A scored attempt has a score from 0 to 1; any other attempt has none.
select
    attempt_id,
    question_count,
    correct_count,
    score,
    is_test_exam,
    is_scored
from {{ ref('fct_attempts') }}
where
    is_scored is distinct from (score is not null)
    or score not between 0 and 1
    or is_scored and is_test_exam
