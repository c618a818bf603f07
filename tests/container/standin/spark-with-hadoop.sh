#!/usr/bin/env bash
# Give Spark another version of Hadoop:
#
#   spark-with-hadoop.sh SPARK_JARS HADOOP_JARS [LISTED]
#
# In Spark's folder of jars, links to Hadoop's client and to S3A with its SDK replace the jars of
# Hadoop. LISTED: where HADOOP_JARS are now, if the links are for another place.
set -euo pipefail

target=${1:?the folder of Spark\'s jars} hadoop=${2:?the folder of Hadoop\'s jars}
rm "$target"/hadoop-client-{api,runtime}-*.jar
for jar in "${3:-$hadoop}"/*.jar; do
  name=${jar##*/}
  case $name in
    # The daemons' own, and what Spark has itself.
    hadoop-client-minicluster-* | slf4j-* | reload4j-* | jackson-* | jaxb-* | bc*-jdk18on-* | \
      commons-* | httpc* | jsr305-* | snappy-* | joda-* | junit-* | hamcrest-* | \
      javax.activation-* | netty-buffer-* | netty-codec-* | netty-common-* | \
      netty-handler-* | netty-resolver-* | netty-transport-*) ;;
    *) ln -s "$hadoop/$name" "$target/$name" ;;
  esac
done
