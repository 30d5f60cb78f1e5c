#!/bin/sh
# Runs one service in the foreground: start.sh kafka|namenode|datanode|spark
# Reads the rendered configuration in $STACK_DIR/conf.
# A service that has never run formats its own data directory first.
set -eu

conf=$STACK_DIR/conf
. "$conf/services.env"
data=$STACK_DIR/data
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
log4j=-Dlog4j2.configurationFile=file:$conf/log4j2.properties
hadoop_classpath="$conf:$JARS/hdfs/*:$SPARK_HOME/jars/*"
mkdir -p "$STACK_DIR/run"
echo $$ >"$STACK_DIR/run/$1.pid" # exec keeps the process id

case $1 in
kafka)
    if [ ! -f "$data/kafka/meta.properties" ]; then
        "$java" "$log4j" -cp "$JARS/kafka/*" kafka.tools.StorageTool format \
            --config "$conf/kafka.properties" --ignore-formatted \
            --cluster-id "$("$java" "$log4j" -cp "$JARS/kafka/*" kafka.tools.StorageTool random-uuid)"
    fi
    exec "$java" "-Xmx$KAFKA_HEAP" "$log4j" -cp "$JARS/kafka/*" \
        kafka.Kafka "$conf/kafka.properties"
    ;;
namenode)
    # VERSION is written last, so that a format which was cut short is made anew; never
    # where a DataNode has blocks already.
    if [ ! -f "$data/namenode/current/VERSION" ] && [ ! -d "$data/datanode/current" ]; then
        "$java" "$log4j" -cp "$hadoop_classpath" \
            org.apache.hadoop.hdfs.server.namenode.NameNode -format -force -nonInteractive
    fi
    exec "$java" "-Xmx$NAMENODE_HEAP" "$log4j" -cp "$hadoop_classpath" \
        org.apache.hadoop.hdfs.server.namenode.NameNode
    ;;
datanode)
    exec "$java" "-Xmx$DATANODE_HEAP" "$log4j" -cp "$hadoop_classpath" \
        org.apache.hadoop.hdfs.server.datanode.DataNode
    ;;
spark)
    cd "$data"
    export SPARK_CONF_DIR="$conf" SPARK_LOCAL_IP="$HOST"
    unset SPARK_REMOTE # where clients find this server; spark-submit takes it for its own
    exec "$SPARK_HOME/bin/spark-submit" \
        --class org.apache.spark.sql.hive.thriftserver.HiveThriftServer2 \
        --driver-java-options -Dderby.stream.error.file=/dev/null \
        spark-internal \
        --hiveconf "hive.server2.thrift.bind.host=$HOST" \
        --hiveconf "hive.server2.thrift.port=$SPARK_THRIFT_PORT"
    ;;
*)
    echo "usage: $0 kafka|namenode|datanode|spark" >&2
    exit 2
    ;;
esac
