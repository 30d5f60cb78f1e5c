{#- `dbt build` tests the slices that were written since the last build whose tests have
    all passed; a property of each table says which that are. `dbt test` tests all rows. -#}

{#- Runs after each model. Iceberg numbers the commits of a table, and keeps beside each
    file its slice and the number of its commit. -#}
{% macro find_untested_slices() -%}
    {%- if flags.WHICH == 'build' and config.get('materialized') == 'incremental' -%}
        {%- set written = run_query(
            'select data_file.partition._kafka_partition, data_file.partition._kafka_slice,'
            ~ ' max(sequence_number) from ' ~ this ~ '.entries where status < 2'
            ~ ' and sequence_number > '
            ~ table_properties(this).get('assessments.tested-commit', 0)
            ~ ' group by all order by all'
        ).rows -%}
        {%- do graph.nodes[model.unique_id].update({
            'untested_slices': in_slices(written),
            'untested_commit': written | map(attribute=2) | max,
        }) -%}
    {%- endif -%}
{%- endmacro %}

{% macro untested_slices(table) -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values()
            if node.relation_name == table | string and node.untested_slices -%}
            {{ return(node.untested_slices) }}
        {%- endfor -%}
    {%- endif -%}
    {{ return('true') }}
{%- endmacro %}

{#- dbt asks it what a generic test reads. -#}
{% macro spark__get_where_subquery(relation) -%}
    {%- set condition = config.get('where') or untested_slices(relation) -%}
    {%- if condition == 'true' -%}
        {{ return(relation) }}
    {%- endif -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ condition ~ ') as tested') }}
{%- endmacro %}

{% macro remember_tested_slices(results) -%}
    {%- if execute -%}
        {%- set passed = results
            | selectattr('status', 'equalto', 'pass')
            | map(attribute='node.unique_id') | list -%}
        {%- for node in graph.nodes.values() if node.untested_commit -%}
            {%- set missed = [] -%}
            {%- for test in graph.nodes.values()
                if test.resource_type == 'test'
                and node.unique_id in test.depends_on.nodes
                and test.unique_id not in passed -%}
                {%- do missed.append(test) -%}
            {%- endfor -%}
            {%- if not missed -%}
                {%- do run_query(
                    'alter table ' ~ node.relation_name ~ ' set tblproperties ('
                    ~ "'assessments.tested-commit' = '" ~ node.untested_commit ~ "')"
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
