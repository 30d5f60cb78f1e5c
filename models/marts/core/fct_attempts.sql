{{ config(
    materialized='incremental',
    partition_by=['_kafka_partition', '_kafka_slice'],
    post_hook='{{ remember_excluded_exams() }}'
) }}

with attempts as (

    select * from {{ ref('int_attempts__deduplicated') }}
    where {{ in_changed_slices(attempts_with_changed_score()) }}

),

excluded_exams as (

    select * from {{ ref('excluded_exams') }}

),

classified as (

    select
        attempts.*,
        excluded_exams.exam_id is not null as is_test_exam,
        {{ is_scored('attempts', 'excluded_exams') }} as is_scored
    from attempts
    left join excluded_exams on attempts.exam_id = excluded_exams.exam_id

)

select
    attempt_id,
    user_exam_id,
    exam_id,
    course_name,
    attempt_number,
    max_attempts,
    question_count,
    correct_count,
    incorrect_count,
    incomplete_count,
    submitted_count,
    unanswered_count,
    correct_item_count,
    case when is_scored then try_divide(correct_count, question_count) end as score,
    is_certification,
    is_scorable,
    is_test_exam,
    is_scored,
    is_all_correct,
    started_at,
    last_answered_at,
    recorded_at,
    item_ids,
    form_id,
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_slice,
    _kafka_timestamp
from classified
